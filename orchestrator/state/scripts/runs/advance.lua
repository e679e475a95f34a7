-- advance: carry on with what a run's other scripts left over, at most a slice of jobs.
--
-- args:     run:str
-- returns:  more rings | clear rings | missing
-- moves:    waiting->queued waiting->skipped waiting->upstream_failed
--           queued->cancelled retrying->cancelled parked->cancelled
-- keeps:    1 4 6 7
-- uses:     keys clock timers runs records ready admit rings
-- cost:     a slice of jobs
local this = runs.load(run)
if not this then return {'missing'} end
local todo_key = keys.todo(run)

-- a bucket of records: what has not started will not
local function cancel(bucket)
  local fields = redis.call('HGETALL', keys.records(run, bucket))
  for i = 1, #fields, 2 do
    local r = records.read(this, tonumber(fields[i]), fields[i + 1])
    if r.state == job.queued then
      ready.remove(this, r)
      records.move(this, r, job.cancelled)
    elseif r.state == job.retrying or r.state == job.parked then
      timers.drop('retry', records.ref(this, r))
      records.move(this, r, job.cancelled)
    end
  end
  admit.left = admit.left - 1 - #fields / 2
  if bucket < keys.bucket(this.total - 1) then redis.call('LPUSH', todo_key, 'cancel ' .. bucket + 1 .. ' 0') end
end

-- writes (a removal first: with memory full, it goes through)
while admit.left > 0 do
  local line = redis.call('LPOP', todo_key)
  if not line then break end
  this.changed = true
  local kind, number, offset = string.match(line, '^(%a+) (%d+) (%d+)$')
  if kind == 'cancel' then
    cancel(tonumber(number))
  elseif this.wish then
    admit.left = admit.left - 1
  elseif kind == 'roots' then
    admit.roots(this, tonumber(offset))
  else
    admit.ended(this, records.load(this, tonumber(number)), tonumber(offset))
    admit.spread()
  end
end
local more = redis.call('LLEN', todo_key) > 0
if more then redis.call('ZADD', keys.todos, clock.now, run) else redis.call('ZREM', keys.todos, run) end
runs.save()
return {more and 'more' or 'clear', rings.list()}

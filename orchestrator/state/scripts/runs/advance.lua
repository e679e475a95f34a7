-- advance: work that other scripts left in a run's todo is carried on, at most a slice of jobs.
--
-- args:     run_id:str
-- returns:  advanced more permits | missing
-- moves:    waiting->queued waiting->skipped waiting->upstream_failed
--           queued->cancelled retrying->cancelled parked->cancelled
-- keeps:    1 4 6 7
-- uses:     keys clock refs timers runs records starting ready decide permits
-- cost:     a slice of jobs
local run = runs.load(run_id)
if not run then return {'missing'} end
local todo_key = keys.todo(run_id)

-- cancel the jobs of one bucket that have not started
local function cancel(bucket)
  local fields = redis.call('HGETALL', keys.records(run_id, bucket))
  for i = 1, #fields, 2 do
    local record = records.read(run, tonumber(fields[i]), fields[i + 1])
    if record.state == job.queued then
      ready.remove(run, record)  --@cancel-ready
      records.move(run, record, job.cancelled)
    elseif record.state == job.retrying or record.state == job.parked then
      timers.drop('retry', refs.of(run, record))  --@cancel-timers
      records.move(run, record, job.cancelled)
    end
  end
  decide.left = decide.left - 1 - #fields / 2
  if bucket < keys.bucket(run.total - 1) then redis.call('LPUSH', todo_key, 'cancel ' .. bucket + 1 .. ' 0') end
end

-- writes (a removal first: with memory full, it goes through)
while decide.left > 0 do
  local line = redis.call('LPOP', todo_key)
  if not line then break end
  run.changed = true
  local kind, number, offset = string.match(line, '^(%a+) (%d+) (%d+)$')
  if kind == 'cancel' then
    cancel(tonumber(number))
  elseif not starting.may_start(run) then
    decide.left = decide.left - 1
  elseif kind == 'roots' then
    decide.roots(run, tonumber(offset))
  else
    decide.ended(run, records.load(run, tonumber(number)), tonumber(offset))
    decide.spread()
  end
end
local more = redis.call('LLEN', todo_key) > 0
if more then redis.call('ZADD', keys.todos, clock.now, run_id) else redis.call('ZREM', keys.todos, run_id) end
runs.save()
return {'advanced', more and 1 or 0, permits.due()}

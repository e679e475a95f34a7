-- overlaps: apply the overlap policy of a starter to a new occasion.  Twin: scheduling/overlaps.py
-- uses: keys starters journal runs requested_end
local overlaps = {}

-- return the number of runs that the waiting occasions will make
local function queued(starter) return math.ceil(starters.waiting(starter) / starters.group(starter)) end

-- return what happens to a new occasion: 'start', 'wait', 'skip' or 'replace'
function overlaps.decision(starter)
  local waiting = starters.waiting(starter)
  -- the occasion joins the group that gathers
  if starter.need == 0 and waiting % starters.group(starter) > 0 then return 'wait' end  --@overlap-joins
  local runs_waiting, room = queued(starter), starters.room(starter)
  if room > runs_waiting then return 'start' end
  if starter.overlap == 'cancel_old' then return 'replace' end  --@overlap-replace
  if starter.overlap == 'queue_one' then  -- waiting runs for which there is room are about to start
    return runs_waiting <= math.max(room, 0) and 'wait' or 'skip'
  end
  return starter.overlap == 'queue_all' and waiting < limits.MOST_WAITING and 'wait' or 'skip'  --@overlap-queue
end

-- return why an occasion is skipped
function overlaps.why(starter)
  if starters.closed(starter) then return 'an earlier run did not succeed' end
  return starter.overlap == 'queue_all' and 'too many wait already' or 'an earlier run is not over'
end

-- record that an occasion makes no run
function overlaps.skip(starter, occasion, why)
  if starter.kind == 'trigger' then redis.call('HSET', keys.delivery(occasion), 's:' .. starter.id, 'skipped') end
  journal.note(starter, occasion, 'skipped', why)
end

-- make room for the newest occasion: cancel the oldest living runs, then drop the occasions that wait longest
function overlaps.replace(starter)
  local living = {}
  for _, id in ipairs(redis.call('SMEMBERS', keys.living(starter.id))) do
    local run = runs.load(id)
    if run and not run.requested_end and run.state < state.succeeded then living[#living + 1] = run end
  end
  table.sort(living, function(a, b) return a.created < b.created or (a.created == b.created and a.id < b.id) end)
  local over = #living + queued(starter) + 1 - starter.limit
  for i = 1, math.min(over, #living) do  --@replace-count
    requested_end.request(living[i], state.cancelled, starter.id, 'a later run takes its place')
  end
  local dropped = math.max(over - #living, 0) * starters.group(starter)
  if dropped == 0 then return end
  for _, occasion in ipairs(redis.call('LRANGE', keys.waiting(starter.id), 0, dropped - 1)) do
    overlaps.skip(starter, occasion, 'a later one took its place')
  end
  redis.call('LTRIM', keys.waiting(starter.id), dropped, -1)
end

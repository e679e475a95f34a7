-- overlaps: what becomes of an occasion while earlier ones of its starter live or wait.  Twin: state/overlaps.py
-- uses: keys starters past runs wishes
local overlaps = {}

-- how many runs wait to be made
local function queued(s) return math.ceil(starters.waiting(s) / starters.group(s)) end

-- what its overlap policy makes of a new occasion: start, wait, skip or replace
function overlaps.verdict(s)
  local waiting = starters.waiting(s)
  if s.need == 0 and waiting % starters.group(s) > 0 then return 'wait' end  -- it joins those that it gathers with
  local runs_waiting, room = queued(s), starters.room(s)
  if room > runs_waiting then return 'start' end
  if s.overlap == 'cancel_old' then return 'replace' end
  if s.overlap == 'queue_one' then  -- what there is room for is about to start
    return runs_waiting <= math.max(room, 0) and 'wait' or 'skip'
  end
  return s.overlap == 'queue_all' and waiting < starters.MOST and 'wait' or 'skip'
end

-- why it was skipped
function overlaps.why(s)
  if starters.closed(s) then return 'an earlier run did not succeed' end
  return s.overlap == 'queue_all' and 'too many wait already' or 'an earlier run is not over'
end

-- an occasion makes no run
function overlaps.skip(s, occasion, why)
  if s.kind == 'trigger' then redis.call('HSET', keys.delivery(occasion), 's:' .. s.id, 'skipped') end
  past.note(s, occasion, 'skipped', why)
end

-- make room for the newest: the oldest runs that live are cancelled, then what has waited longest is dropped
function overlaps.replace(s)
  local living = {}
  for _, id in ipairs(redis.call('SMEMBERS', keys.living(s.id))) do
    local run = runs.load(id)
    if run and not run.wish and run.state < state.succeeded then living[#living + 1] = run end
  end
  table.sort(living, function(a, b) return a.created < b.created or (a.created == b.created and a.id < b.id) end)
  local over = #living + queued(s) + 1 - s.limit
  for i = 1, math.min(over, #living) do
    wishes.make(living[i], state.cancelled, s.id, 'a later run takes its place')
  end
  local dropped = math.max(over - #living, 0) * starters.group(s)
  if dropped == 0 then return end
  for _, occasion in ipairs(redis.call('LRANGE', keys.waiting(s.id), 0, dropped - 1)) do
    overlaps.skip(s, occasion, 'a later one took its place')
  end
  redis.call('LTRIM', keys.waiting(s.id), dropped, -1)
end

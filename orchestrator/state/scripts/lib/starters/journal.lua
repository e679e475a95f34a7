-- journal: the last occasions of a starter and their results, as `occasion\nword\ndetail`
-- uses: keys clock starters start_timers
local journal = {}

local function is_planned(starter) return starter.kind ~= 'trigger' end

-- record an occasion's result, a word and its detail: `run` (its id, and later its end), `missed` (number, first's ms),
-- `skipped` (why) or `failed` (why)
function journal.note(starter, occasion, word, detail)
  local key = keys.journal(starter.log)
  if redis.call('EXISTS', keys.starter(starter.log)) == 0 then return end
  redis.call('ZADD', key, is_planned(starter) and occasion or clock.now, occasion .. '\n' .. word .. '\n' .. detail)
  redis.call('ZREMRANGEBYRANK', key, 0, -limits.JOURNAL_KEPT - 1)
end

-- before a new result is recorded for a planned time, delete its earlier entries: all but `missed`, or only one word's
function journal.lift(starter, occasion, only)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', keys.journal(starter.log), occasion, occasion)) do
    local word = string.match(member, '^[^\n]*\n(%a+)\n')
    if word == only or (not only and word ~= 'missed') then redis.call('ZREM', keys.journal(starter.log), member) end
  end
end

-- record that an occasion has its run
function journal.started(starter, occasion, run_id)
  if is_planned(starter) then journal.lift(starter, occasion) end  --@started-lift
  redis.call('SADD', keys.living(starter.id), run_id)
  journal.note(starter, occasion, 'run', run_id)
end

-- keep the end of the run that was planned last, for a starter that depends on the past
local function note_end(starter, run)
  local known = redis.call('HMGET', starter.key, 'depends_on_past', 'last_end_at')
  if known[1] ~= '1' or tonumber(run.occasion) < tonumber(known[2] or 0) then return end  --@last-end-order
  redis.call('HSET', starter.key, 'last_end', run.state, 'last_end_at', run.occasion)  --@last-end
  starter.last_end = run.state
end

-- record the end of a run at its starter, which may now start what waits
function journal.ended(run)
  -- The run is not among the living ones: its starter was deleted, and another starter may have the id now.
  if redis.call('SREM', keys.living(run.starter), run.id) == 0 then return end  --@ended-living
  local starter = starters.load(run.starter)
  if not starter then return end
  redis.call('HINCRBY', starter.key, 'ended:' .. run.state, 1)
  local member = run.occasion .. '\nrun\n' .. run.id
  local at = redis.call('ZSCORE', keys.journal(starter.log), member)
  if at then
    redis.call('ZREM', keys.journal(starter.log), member)
    redis.call('ZADD', keys.journal(starter.log), at, member .. ' ' .. run.state)
  end
  local base = starter.log ~= starter.id and starters.load(starter.log)
  for _, each in ipairs(base and {starter, base} or {starter}) do
    if is_planned(each) then note_end(each, run) end
    start_timers.arm(each)  --@ended-room
  end
end

-- past: what became of a starter's occasions, the last of them: `occasion\nword\ndetail`, of a run with its end
-- uses: keys clock starters wakes
local past = {}
local KEPT = 1000

local function is_planned(s) return s.kind ~= 'trigger' end

-- words: `run`, `missed` (detail: how many, until when), `skipped`, `failed` (detail: why)
function past.note(s, occasion, word, detail)
  local key = keys.past(s.log)
  if redis.call('EXISTS', keys.starter(s.log)) == 0 then return end
  redis.call('ZADD', key, is_planned(s) and occasion or clock.now, occasion .. '\n' .. word .. '\n' .. detail)
  redis.call('ZREMRANGEBYRANK', key, 0, -KEPT - 1)
end

-- a planned time comes to something else than it had: all that was told of it goes, or only what has one word
function past.lift(s, occasion, only)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', keys.past(s.log), occasion, occasion)) do
    local word = string.match(member, '^[^\n]*\n(%a+)\n')
    if word == only or (not only and word ~= 'missed') then redis.call('ZREM', keys.past(s.log), member) end
  end
end

-- a run of the occasion lives
function past.started(s, occasion, run)
  if is_planned(s) then past.lift(s, occasion) end
  redis.call('SADD', keys.living(s.id), run)
  past.note(s, occasion, 'run', run)
end

-- what depends on the past goes by the run that was planned last
local function gate(s, run)
  local known = redis.call('HMGET', s.key, 'gated', 'gate_at')
  if known[1] ~= '1' or tonumber(run.occasion) < tonumber(known[2] or 0) then return end
  redis.call('HSET', s.key, 'gate', run.state, 'gate_at', run.occasion)
  s.gate = run.state
end

-- a run is over: what it became, and room for what waits
function past.ended(run)
  if redis.call('SREM', keys.living(run.starter), run.id) == 0 then return end  -- of one that was deleted
  local s = starters.load(run.starter)
  if not s then return end
  redis.call('HINCRBY', s.key, 'ended:' .. run.state, 1)
  local member = run.occasion .. '\nrun\n' .. run.id
  local at = redis.call('ZSCORE', keys.past(s.log), member)
  if at then
    redis.call('ZREM', keys.past(s.log), member)
    redis.call('ZADD', keys.past(s.log), at, member .. ' ' .. run.state)
  end
  local base = s.log ~= s.id and starters.load(s.log)
  for _, each in ipairs(base and {s, base} or {s}) do
    if is_planned(each) then gate(each, run) end
    wakes.arm(each)
  end
end

-- pauses: a schedule or trigger stops for a while, whatever its definition says, and what waits at it is kept
-- uses: keys clock timers starters
local pauses = {}

-- the record was written: its generation is a new one, and its timers stand as it says
function pauses.edited(id)
  local key = keys.starter(id)
  redis.call('HINCRBY', key, 'gen', 1)
  redis.call('HSETNX', key, 'created', clock.now)
  local s, more = starters.load(id), redis.call('HMGET', key, 'due', 'poll_ms')
  starters.plan(s, s.enabled and s.next or '', tonumber(more[1]))
  starters.arm(s)
  if s.enabled and tonumber(more[2]) > 0 then timers.want('poll', id, clock.now) else timers.drop('poll', id) end
end

-- `held` is the planned time that would have been next
function pauses.pause(id)
  local key = keys.starter(id)
  local known = redis.call('HMGET', key, 'kind', 'paused', 'next')
  if not known[1] or known[2] then return end
  redis.call('HSET', key, 'paused', clock.now, 'held', known[3])
  pauses.edited(id)
end

function pauses.resume(id, next, due)
  local key = keys.starter(id)
  if not redis.call('HGET', key, 'paused') then return end
  redis.call('HSET', key, 'next', next, 'due', due)
  redis.call('HDEL', key, 'paused', 'held')
  pauses.edited(id)
end

-- what waits makes no run any more; `cleared` counts how much that was
function pauses.clear(id)
  local waiting = redis.call('LLEN', keys.waiting(id))
  if redis.call('EXISTS', keys.starter(id)) == 0 then return end
  redis.call('HINCRBY', keys.starter(id), 'cleared', waiting)
  redis.call('DEL', keys.waiting(id))
  pauses.edited(id)
end

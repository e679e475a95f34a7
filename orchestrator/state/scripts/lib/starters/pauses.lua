-- pauses: a schedule or trigger starts nothing for a while, whatever its definition says; what waits at it is kept
-- uses: keys clock starter_edits
local pauses = {}

-- pause a starter; `held` keeps the planned time that would have been next
function pauses.pause(id)
  local key = keys.starter(id)
  local known = redis.call('HMGET', key, 'kind', 'paused', 'next')
  if not known[1] or known[2] then return end
  redis.call('HSET', key, 'paused', clock.now, 'held', known[3])
  starter_edits.edited(id)
end

function pauses.resume(id, next, due)
  local key = keys.starter(id)
  if not redis.call('HGET', key, 'paused') then return end
  redis.call('HSET', key, 'next', next, 'due', due)
  redis.call('HDEL', key, 'paused', 'held')
  starter_edits.edited(id)
end

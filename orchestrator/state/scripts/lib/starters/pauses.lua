-- pauses: a schedule or trigger stops for a while, whatever its definition says, and what waits at it is kept
-- uses: keys clock timers starters wakes past
local pauses = {}

-- the record was written: its generation is a new one, and its timers stand as it says
function pauses.edited(id)
  local key = keys.starter(id)
  redis.call('HSET', key, 'gen', redis.call('HGET', keys.meta, 'edits'))  -- never one that it had before
  redis.call('HSETNX', key, 'created', clock.now)
  local s, more = starters.load(id), redis.call('HMGET', key, 'due', 'poll_ms')
  starters.plan(s, s.enabled and s.next or '', tonumber(more[1]))
  wakes.arm(s)
  if s.enabled and tonumber(more[2]) > 0 then timers.want('poll', id, clock.now) else timers.drop('poll', id) end
end

-- its record is about to be written: a planned time that has come would be forgotten where the next is a later one
function pauses.overtaken(id, next)
  local s = starters.load(id)
  if not s or not s.enabled or not s.next or s.next == '' then return end
  if next ~= '' and tonumber(next) <= tonumber(s.next) then return end
  if tonumber(s.next) > clock.now then return end
  past.note(s, s.next, 'skipped', 'its schedule was changed before it started')
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

-- what waits makes no run any more; gives how much that was
function pauses.let_go(id, kind)
  local waiting = redis.call('LRANGE', keys.waiting(id), 0, -1)
  if kind == 'trigger' then
    for _, delivery in ipairs(waiting) do redis.call('HSET', keys.delivery(delivery), 's:' .. id, 'cleared') end
  end
  redis.call('DEL', keys.waiting(id))
  return #waiting
end

function pauses.clear(id)
  local kind = redis.call('HGET', keys.starter(id), 'kind')
  if not kind then return end
  redis.call('HINCRBY', keys.starter(id), 'cleared', pauses.let_go(id, kind))
  pauses.edited(id)
end

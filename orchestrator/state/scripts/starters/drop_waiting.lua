-- drop_waiting: what waits longest makes no run: it could not be made.
--
-- args:     id:str gen:int occasion:str count:int detail:str
-- returns:  dropped | stale
-- moves:
-- keeps:    5
-- uses:     keys starters wakes past
-- cost:     O(count)
local s = starters.load(id)
if not s or s.gen ~= gen or starters.head(s) ~= occasion or starters.waiting(s) < count then return {'stale'} end

-- writes
for _, each in ipairs(redis.call('LRANGE', keys.waiting(id), 0, count - 1)) do
  if s.kind == 'trigger' then redis.call('HSET', keys.delivery(each), 's:' .. id, 'failed ' .. detail) end
  past.note(s, each, 'failed', detail)
end
redis.call('LTRIM', keys.waiting(id), count, -1)
wakes.arm(s)
return {'dropped'}

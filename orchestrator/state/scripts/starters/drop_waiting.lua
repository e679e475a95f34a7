-- drop_waiting: the occasions that wait longest are dropped, because their run cannot be made.
--
-- args:     id:str generation:int occasion:str count:int detail:str
-- returns:  dropped | stale
-- moves:
-- keeps:    5
-- uses:     keys starters start_timers journal
-- cost:     O(count)
local starter = starters.fenced(id, generation)
if not starter or starters.head(starter) ~= occasion or starters.waiting(starter) < count then return {'stale'} end

-- writes
for _, each in ipairs(redis.call('LRANGE', keys.waiting(id), 0, count - 1)) do
  if starter.kind == 'trigger' then redis.call('HSET', keys.delivery(each), 's:' .. id, 'failed ' .. detail) end
  journal.note(starter, each, 'failed', detail)
end
redis.call('LTRIM', keys.waiting(id), count, -1)  --@dropped-waiting
start_timers.arm(starter)
return {'dropped'}

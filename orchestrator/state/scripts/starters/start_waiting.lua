-- start_waiting: once there is room, the oldest waiting planned time makes its run, or `count` deliveries make one.
--
-- `part` is 1 if the deliveries that wait together are too much for one run.
--
-- args:     id:str generation:int occasion:str count:int run_id:str plan:str params:bytes priority:int
--           facts:bytes part:int
-- returns:  started permits todo | full | stale | noplan
-- moves:    waiting->queued
-- keeps:    1 4 5 6 7
-- uses:     keys clock starters start_timers journal new_run runs permits
-- cost:     O(roots + count), at most a slice of roots; the rest is todo
local starter = starters.fenced(id, generation)
if not starter or starters.head(starter) ~= occasion then return {'stale'} end  --@waiting-fence
local waiting = starters.waiting(starter)
local most = math.min(waiting, starters.group(starter))
-- a count below the group's: more deliveries came in the meantime
if count > most or (count < most and part == 0) then return {'stale'} end  --@waiting-group
if not starter.enabled or starters.room(starter) <= 0 then return {'full'} end  --@waiting-room
if start_timers.ripe(starter, waiting) > clock.now then return {'full'} end  --@waiting-ripe
local found = new_run.plan(plan)
if not found then return {'noplan'} end

-- writes (HSET first: with memory full, all or nothing)
local run = new_run.make(run_id, found, params, priority,
  'key', '', 'starter', id, 'occasion', occasion, 'facts', facts)
local taken = redis.call('LRANGE', keys.waiting(id), 0, count - 1)
redis.call('LTRIM', keys.waiting(id), count, -1)
if starter.kind == 'trigger' then
  for _, delivery in ipairs(taken) do redis.call('HSET', keys.delivery(delivery), 's:' .. id, run_id) end
end
journal.started(starter, occasion, run_id)
runs.save()
start_timers.arm(starter)  --@waiting-rest
return {'started', permits.due(), run.todo and 1 or 0}

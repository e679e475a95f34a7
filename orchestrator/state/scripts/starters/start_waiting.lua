-- start_waiting: what waits longest makes its run once there is room: a planned time, or `count` deliveries together.
--
-- `part` is 1 where all that waits together is too much for one run.
--
-- args:     id:str gen:int occasion:str count:int run:str plan:str params:bytes cls:int facts:bytes part:int
-- returns:  started rings todo | full | stale | noplan
-- moves:    waiting->queued
-- keeps:    1 4 5 6 7
-- uses:     keys clock starters wakes past births runs rings
-- cost:     O(roots + count), at most a slice of roots; the rest is todo
local s = starters.load(id)
if not s or s.gen ~= gen or starters.head(s) ~= occasion then return {'stale'} end
local waiting = starters.waiting(s)
local most = math.min(waiting, starters.group(s))
if count > most or (count < most and part == 0) then return {'stale'} end  -- more came, which it goes together with
if not s.enabled or starters.room(s) <= 0 or wakes.ripe(s, waiting) > clock.now then return {'full'} end
local found = births.plan(plan)
if not found then return {'noplan'} end

-- writes (HSET first: with memory full, all or nothing)
local this = births.make(run, found, params, cls, 'key', '', 'starter', id, 'occasion', occasion, 'facts', facts)
local taken = redis.call('LRANGE', keys.waiting(id), 0, count - 1)
redis.call('LTRIM', keys.waiting(id), count, -1)
if s.kind == 'trigger' then
  for _, delivery in ipairs(taken) do redis.call('HSET', keys.delivery(delivery), 's:' .. id, run) end
end
past.started(s, occasion, run)
runs.save()
wakes.arm(s)
return {'started', rings.list(), this.todo and 1 or 0}

-- start_planned: a schedule's planned time makes its run, once, as far as its overlap policy lets it; the next is set.
--
-- args:     id:str gen:int planned:str next:str due:int run:str plan:str params:bytes cls:int facts:bytes
-- returns:  started rings todo | waits | skipped | stale | noplan
-- moves:    waiting->queued
-- keeps:    1 4 5 6 7
-- uses:     keys starters wakes past overlaps births runs rings
-- cost:     O(roots), at most a slice; the rest is todo
local s = starters.load(id)
if not s or s.gen ~= gen or not s.enabled or s.next ~= planned then return {'stale'} end
local verdict, found = overlaps.verdict(s), births.plan(plan)
if not found then return {'noplan'} end

-- writes (HSET first: with memory full, all or nothing)
if verdict == 'start' then
  local this = births.make(run, found, params, cls, 'key', '', 'starter', id, 'occasion', planned, 'facts', facts)
  starters.plan(s, next, due)
  past.started(s, planned, run)
  runs.save()
  return {'started', rings.list(), this.todo and 1 or 0}
end
starters.plan(s, next, due)
if verdict == 'skip' then
  overlaps.skip(s, planned, overlaps.why(s))
  return {'skipped'}
end
if verdict == 'replace' then overlaps.replace(s) end
redis.call('RPUSH', keys.waiting(id), planned)
wakes.arm(s)
runs.save()
return {'waits'}

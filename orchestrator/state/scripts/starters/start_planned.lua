-- start_planned: a planned time makes its run, once, if the schedule's overlap policy lets it; the next one is set.
--
-- args:     id:str generation:int planned:str next:str due:int run_id:str plan:str params:bytes priority:int
--           facts:bytes
-- returns:  started permits todo | waits | skipped | stale | noplan
-- moves:    waiting->queued
-- keeps:    1 4 5 6 7
-- uses:     keys starters start_timers journal overlaps new_run runs permits
-- cost:     O(roots), at most a slice; the rest is todo
local starter = starters.fenced(id, generation)
if not starter or not starter.enabled or starter.next ~= planned then return {'stale'} end  --@planned-fence
local decision, found = overlaps.decision(starter), new_run.plan(plan)
if not found then return {'noplan'} end

-- writes (HSET first: with memory full, all or nothing)
if decision == 'start' then
  local run = new_run.make(run_id, found, params, priority,
    'key', '', 'starter', id, 'occasion', planned, 'facts', facts)
  starters.plan(starter, next, due)  --@planned-next
  journal.started(starter, planned, run_id)
  runs.save()
  return {'started', permits.due(), run.todo and 1 or 0}
end
starters.plan(starter, next, due)
if decision == 'skip' then
  overlaps.skip(starter, planned, overlaps.why(starter))
  return {'skipped'}
end
if decision == 'replace' then overlaps.replace(starter) end
redis.call('RPUSH', keys.waiting(id), planned)
start_timers.arm(starter)
runs.save()
return {'waits'}

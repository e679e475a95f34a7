-- new_run: create a run of a sealed plan, and move on its first jobs
-- uses: keys clock transitions timers runs decide
local new_run = {}

-- read the plan's head, or nil if the plan is not sealed
function new_run.plan(digest)
  local found = redis.call('HMGET', keys.plan(digest), 'sealed', 'n', 'workflow', 'deadline')
  if not found[1] then return nil end
  return {
    digest = digest, total = tonumber(found[2]), workflow = found[3], deadline = tonumber(found[4]),
    version = redis.call('HGET', keys.workflow(found[3]), 'd:' .. digest),
  }
end

-- create the run; the last arguments are more fields of its record (HSET first: with memory full, all or nothing)
function new_run.make(run_id, plan, params, class, ...)
  redis.call('HSET', keys.run(run_id), 'plan', plan.digest, 'workflow', plan.workflow, 'version', plan.version,
    'params', params, 'class', class, 'created', clock.now, 'total', plan.total, 'state', state.queued,
    'counts', runs.no_counts(plan.total), 'n', 0, ...)
  redis.call('HINCRBY', keys.plan(plan.digest), 'runs', 1)
  redis.call('ZADD', keys.live, clock.now, run_id)
  local run = runs.load(run_id)
  local detail = plan.workflow .. '\n' .. plan.version .. '\n' .. plan.total
  transitions.add(run, limits.RUN_INDEX, 0, limits.NO_STATE, state.queued, detail)
  if plan.deadline > 0 then timers.set('deadline', run_id, clock.now + plan.deadline) end  --@new-deadline
  decide.roots(run, 0)
  return run
end

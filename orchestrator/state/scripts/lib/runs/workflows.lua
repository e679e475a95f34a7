-- workflows: each workflow has versions, one for each plan that was sealed for it
-- uses: keys
local workflows = {}

-- return the number of jobs of an upload, or nil if the upload is not complete
function workflows.uploaded(plan) return redis.call('HGET', keys.plan(plan), 'n') end

-- delete a plan of so many jobs, whole
function workflows.unlink(plan, jobs)
  for bucket = 0, keys.bucket(jobs - 1) do redis.call('UNLINK', keys.plan_jobs(plan, bucket)) end
  for _, index in ipairs(redis.call('SMEMBERS', keys.plan_wide(plan))) do
    redis.call('UNLINK', keys.plan_edges(plan, index))
  end
  redis.call('UNLINK', keys.plan_wide(plan), keys.plan(plan))
end

-- delete a plan whose runs are all forgotten, unless it is registered or the current version of its workflow
function workflows.drop_unused(plan)
  local known = redis.call('HMGET', keys.plan(plan), 'runs', 'registered', 'workflow', 'n')
  if known[1] ~= '0' or known[2] then return end
  local workflow_key = keys.workflow(known[3])
  local version = redis.call('HMGET', workflow_key, 'current', 'd:' .. plan)
  if version[1] == plan then return end
  if version[2] then redis.call('HDEL', workflow_key, 'd:' .. plan, 'v:' .. version[2]) end
  workflows.unlink(plan, known[4])
end

-- a run of the plan is forgotten
function workflows.forget_run(plan)
  if redis.call('HEXISTS', keys.plan(plan), 'runs') == 0 then return end
  redis.call('HINCRBY', keys.plan(plan), 'runs', -1)
  workflows.drop_unused(plan)
end

-- a version that was sealed is kept without runs too, until so many have come after it
function workflows.register(workflow, plan, version)
  redis.call('HSET', keys.plan(plan), 'registered', 1)
  local old = redis.call('HGET', keys.workflow(workflow), 'v:' .. version - limits.VERSIONS_KEPT)
  if not old then return end
  redis.call('HDEL', keys.plan(old), 'registered')
  redis.call('HINCRBY', keys.plan(old), 'runs', 0)
  workflows.drop_unused(old)
end

-- seal an upload and make it its workflow's current version; return the version, and whether it is new
function workflows.seal(workflow, plan)
  local plan_key, workflow_key = keys.plan(plan), keys.workflow(workflow)
  redis.call('HSET', plan_key, 'sealed', 1)
  redis.call('ZREM', keys.uploads, plan .. ' ' .. workflows.uploaded(plan))
  for i = 0, redis.call('HGET', plan_key, 'routes') - 1 do
    redis.call('SADD', keys.routes, redis.call('HGET', plan_key, 'route:' .. i))
  end
  redis.call('SADD', keys.workflows, workflow)
  if redis.call('HEXISTS', plan_key, 'produces') == 1 then redis.call('SADD', keys.watched, workflow) end
  local known = redis.call('HMGET', workflow_key, 'd:' .. plan, 'latest', 'current')
  local version = known[1] or redis.call('HINCRBY', workflow_key, 'last', 1)
  redis.call('HSET', workflow_key, 'latest', version, 'current', plan, 'v:' .. version, plan, 'd:' .. plan, version)
  if version ~= known[2] then redis.call('HINCRBY', keys.meta, 'edits', 1) end
  if known[3] and known[3] ~= plan then workflows.drop_unused(known[3]) end
  return tonumber(version), not known[1]
end

-- offer a workflow no longer; its versions stay for their runs
function workflows.retire(workflow)
  redis.call('SREM', keys.workflows, workflow)
  redis.call('HDEL', keys.workflow(workflow), 'latest', 'current')
end

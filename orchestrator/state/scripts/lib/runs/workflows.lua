-- workflows: each workflow has versions, one for each plan that was sealed for it
-- uses: keys
local workflows = {}

-- return the number of jobs of an upload, or nil if the upload is not complete
function workflows.uploaded(plan) return redis.call('HGET', keys.plan(plan), 'n') end

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
  local known = redis.call('HMGET', workflow_key, 'd:' .. plan, 'latest')
  local version = known[1] or redis.call('HINCRBY', workflow_key, 'last', 1)
  redis.call('HSET', workflow_key, 'latest', version, 'current', plan, 'v:' .. version, plan, 'd:' .. plan, version)
  if version ~= known[2] then redis.call('HINCRBY', keys.meta, 'edits', 1) end
  return tonumber(version), not known[1]
end

-- offer a workflow no longer; its versions stay for their runs
function workflows.retire(workflow)
  redis.call('SREM', keys.workflows, workflow)
  redis.call('HDEL', keys.workflow(workflow), 'latest', 'current')
end

-- put_plan: seal an uploaded plan and make it its workflow's current version.
--
-- args:     workflow:str plan:str
-- returns:  stored version | same version | noplan
-- moves:
-- keeps:
-- uses:     keys
-- cost:     O(routes of the plan), once
local plan_key, flow_key = keys.plan(plan), keys.flow(workflow)
local total = redis.call('HGET', plan_key, 'n')
if not total then return {'noplan'} end
local known = redis.call('HGET', flow_key, 'd:' .. plan)

-- writes
redis.call('HSET', plan_key, 'sealed', 1)
redis.call('ZREM', keys.uploads, plan .. ' ' .. total)
for i = 0, redis.call('HGET', plan_key, 'routes') - 1 do
  redis.call('SADD', keys.routes, redis.call('HGET', plan_key, 'route:' .. i))
end
redis.call('SADD', keys.flows, workflow)
if known then
  redis.call('HSET', flow_key, 'latest', known)
  return {'same', tonumber(known)}
end
local version = redis.call('HINCRBY', flow_key, 'last', 1)
redis.call('HSET', flow_key, 'latest', version, 'v:' .. version, plan, 'd:' .. plan, version)
return {'stored', version}

-- drop_upload: delete an upload that was never sealed.
--
-- args:     plan:str jobs:int
-- returns:  dropped | sealed
-- moves:
-- keeps:
-- uses:     keys
-- cost:     O(buckets of the plan), freed in the background
local sealed = redis.call('HGET', keys.plan(plan), 'sealed')

-- writes
redis.call('ZREM', keys.uploads, plan .. ' ' .. jobs)
if sealed then return {'sealed'} end
for bucket = 0, keys.bucket(jobs - 1) do redis.call('UNLINK', keys.plan_jobs(plan, bucket)) end
for _, index in ipairs(redis.call('SMEMBERS', keys.plan_wide(plan))) do
  redis.call('UNLINK', keys.plan_edges(plan, index))
end
redis.call('UNLINK', keys.plan_wide(plan), keys.plan(plan))
return {'dropped'}

-- drop_upload: an upload that was never sealed is deleted.
--
-- Its life counts from its date. An upload that somebody has begun anew since has no date, and stays.
--
-- args:     plan:str jobs:int life_ms:int
-- returns:  dropped | sealed | recent | stale
-- moves:
-- keeps:
-- uses:     keys clock
-- cost:     O(buckets of the plan), freed in the background
local note = plan .. ' ' .. jobs
local sealed = redis.call('HGET', keys.plan(plan), 'sealed')
local dated = tonumber(redis.call('ZSCORE', keys.uploads, note) or 0)
if not sealed and dated == 0 then return {'stale'} end  --@upload-fence
if not sealed and clock.now - dated <= life_ms then return {'recent'} end  --@upload-age

-- writes
redis.call('ZREM', keys.uploads, note)
if sealed then return {'sealed'} end
for bucket = 0, keys.bucket(jobs - 1) do redis.call('UNLINK', keys.plan_jobs(plan, bucket)) end
for _, index in ipairs(redis.call('SMEMBERS', keys.plan_wide(plan))) do
  redis.call('UNLINK', keys.plan_edges(plan, index))
end
redis.call('UNLINK', keys.plan_wide(plan), keys.plan(plan))
return {'dropped'}

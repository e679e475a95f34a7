-- drop_upload: an upload that was never sealed is deleted.
--
-- Its life counts from its date. An upload that somebody has begun anew since has no date, and stays.
--
-- args:     plan:str jobs:int life_ms:int
-- returns:  dropped | sealed | recent | stale
-- moves:
-- keeps:
-- uses:     keys clock workflows
-- cost:     O(buckets of the plan), freed in the background
local note = plan .. ' ' .. jobs
local sealed = redis.call('HGET', keys.plan(plan), 'sealed')
local dated = tonumber(redis.call('ZSCORE', keys.uploads, note) or 0)
if not sealed and dated == 0 then return {'stale'} end  --@upload-fence
if not sealed and clock.now - dated <= life_ms then return {'recent'} end  --@upload-age

-- writes
redis.call('ZREM', keys.uploads, note)
if sealed then return {'sealed'} end
workflows.unlink(plan, jobs)
return {'dropped'}

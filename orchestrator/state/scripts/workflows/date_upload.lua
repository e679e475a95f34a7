-- date_upload: an upload is dated when a scheduler first meets it: from then on its life counts.
--
-- args:     plan:str jobs:int
-- returns:  dated | stale
-- moves:
-- keeps:
-- uses:     keys clock
-- cost:     O(1)
local note = plan .. ' ' .. jobs
local met = redis.call('ZSCORE', keys.uploads, note)
if not met or tonumber(met) > 0 then return {'stale'} end  --@date-fence

-- writes
redis.call('ZADD', keys.uploads, clock.now, note)
return {'dated'}

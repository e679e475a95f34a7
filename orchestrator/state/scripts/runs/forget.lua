-- forget: an ended run is deleted: a slice of its keys with each call, its record last.
--
-- With its last run goes a plan that is neither registered nor the current version of its workflow.
--
-- args:     run_id:str
-- returns:  forgotten more | live | missing
-- moves:
-- keeps:    6
-- uses:     keys clock runs workflows
-- cost:     a slice of keys and O(buckets of the plan), freed in the background
local run = runs.load(run_id)
if not run then return {'missing'} end
if run.state < state.succeeded then return {'live'} end
local known = redis.call('HMGET', keys.run(run_id), 'forgot', 'key')
local bucket, last = tonumber(known[1] or 0), keys.bucket(run.total - 1)

-- writes (a removal first: with memory full, it goes through)
redis.call('ZREM', keys.todos, run_id)
local stop = math.min(last, bucket + limits.SLICE - 1)
for b = bucket, stop do redis.call('UNLINK', keys.records(run_id, b), keys.counters(run_id, b)) end  --@forget-counters
if stop < last then
  redis.call('HSET', keys.run(run_id), 'forgot', stop + 1)
  return {'forgotten', 1}
end
if known[2] ~= '' then
  redis.call('PEXPIREAT', keys.key(known[2]), math.max(run.created + limits.KEY_KEPT_MS, clock.now + 1))
end
redis.call('ZREM', keys.ended, run_id)
redis.call('UNLINK', keys.outputs(run_id), keys.errors(run_id), keys.todo(run_id), keys.run(run_id))
workflows.forget_run(run.plan)
return {'forgotten', 0}

-- forget: an ended run is deleted, a slice of its keys a call, its record last.
--
-- args:     run:str
-- returns:  more | forgotten | live | missing
-- moves:
-- keeps:    6
-- uses:     keys clock runs
-- cost:     a slice of keys, freed in the background
local SLICE, KEY_LIFE = 250, 86400000
local this = runs.load(run)
if not this then return {'missing'} end
if this.state < state.succeeded then return {'live'} end
local known = redis.call('HMGET', keys.run(run), 'forgot', 'key')
local bucket, last = tonumber(known[1] or 0), keys.bucket(this.total - 1)

-- writes (a removal first: with memory full, it goes through)
redis.call('ZREM', keys.todos, run)
local stop = math.min(last, bucket + SLICE - 1)
for b = bucket, stop do redis.call('UNLINK', keys.records(run, b), keys.counters(run, b)) end
if stop < last then
  redis.call('HSET', keys.run(run), 'forgot', stop + 1)
  return {'more'}
end
if known[2] ~= '' then redis.call('PEXPIREAT', keys.key(known[2]), math.max(this.created + KEY_LIFE, clock.now + 1)) end
redis.call('ZREM', keys.ended, run)
redis.call('UNLINK', keys.outputs(run), keys.errors(run), keys.todo(run), keys.run(run))
return {'forgotten'}

-- offer: a delivery that concerns a trigger waits for its run, once, as far as the trigger's overlap policy lets it.
--
-- `why` is empty, or says why it can make none. At a paused trigger it waits.
--
-- args:     id:str gen:int delivery:str name:str why:str
-- returns:  waits | skipped | known | stale | missing
-- moves:
-- keeps:    5
-- uses:     keys starters wakes past overlaps heard runs
-- cost:     O(1), or O(datasets of the trigger)
local s = starters.load(id)
if not s or s.gen ~= gen or not s.defined then return {'stale'} end
local key, field = keys.delivery(delivery), 's:' .. id
if redis.call('EXISTS', key) == 0 then return {'missing'} end
if redis.call('HGET', key, field) then return {'known'} end
local verdict = overlaps.verdict(s)

-- writes (HSET first: with memory full, all or nothing)
if why ~= '' then
  redis.call('HSET', key, field, 'failed ' .. why)
  past.note(s, delivery, 'failed', why)
  return {'skipped'}
end
redis.call('HSET', key, field, 'waits')
local whole = {delivery}
if s.need > 0 then whole = heard.all(s, name, delivery) end
if verdict == 'skip' then
  for _, each in ipairs(whole) do overlaps.skip(s, each, overlaps.why(s)) end
  return {#whole > 0 and 'skipped' or 'waits'}
end
if verdict == 'replace' and #whole > 0 then overlaps.replace(s) end
for _, each in ipairs(whole) do redis.call('RPUSH', keys.waiting(id), each) end
wakes.arm(s)
runs.save()
return {'waits'}

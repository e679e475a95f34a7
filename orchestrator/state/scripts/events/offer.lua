-- offer: a delivery waits at a trigger for its run, once, if the trigger's overlap policy lets it.
--
-- `why` is empty, or says why the delivery can make no run. At a paused trigger a delivery waits.
--
-- args:     id:str generation:int delivery:str name:str why:str
-- returns:  waits | skipped | known | stale | missing
-- moves:
-- keeps:    5
-- uses:     keys starters start_timers journal overlaps dataset_joins runs
-- cost:     O(1), or O(datasets of the trigger)
local starter = starters.fenced(id, generation)
if not starter or not starter.defined then return {'stale'} end
local key, field = keys.delivery(delivery), 's:' .. id
if redis.call('EXISTS', key) == 0 then return {'missing'} end
if redis.call('HGET', key, field) then return {'known'} end  --@offer-fence
local decision = overlaps.decision(starter)

-- writes (HSET first: with memory full, all or nothing)
if why ~= '' then
  redis.call('HSET', key, field, 'failed ' .. why)
  journal.note(starter, delivery, 'failed', why)
  return {'skipped'}
end
redis.call('HSET', key, field, 'waits')
local whole = {delivery}
if starter.need > 0 then whole = dataset_joins.all(starter, name, delivery) end
if decision == 'skip' then
  for _, each in ipairs(whole) do overlaps.skip(starter, each, overlaps.why(starter)) end
  return {#whole > 0 and 'skipped' or 'waits'}
end
if decision == 'replace' and #whole > 0 then overlaps.replace(starter) end
for _, each in ipairs(whole) do redis.call('RPUSH', keys.waiting(id), each) end  --@offer-waits
start_timers.arm(starter)
runs.save()
return {'waits'}

-- forget_delivery: an old delivery for which no trigger waits is deleted.
--
-- args:     delivery:str age_ms:int
-- returns:  forgotten | waits | recent
-- moves:
-- keeps:    5
-- uses:     keys clock
-- cost:     O(triggers that it concerned)
local key = keys.delivery(delivery)
local came = tonumber(redis.call('ZSCORE', keys.deliveries, delivery) or 0)
if came >= clock.now - age_ms then return {'recent'} end  --@delivery-age
for _, field in ipairs(redis.call('HKEYS', key)) do  -- not HGETALL: the body may be large
  local outcome = string.find(field, '^s:') and redis.call('HGET', key, field)
  if outcome == 'waits' then return {'waits'} end  --@delivery-waits
end

-- writes (a removal first: with memory full, it goes through)
redis.call('ZREM', keys.deliveries, delivery)
redis.call('UNLINK', key)
return {'forgotten'}

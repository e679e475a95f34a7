-- deliver: an event from outside is kept once, by its id; a scheduler then offers it to the triggers that it concerns.
--
-- args:     delivery:str topic:str source:str body:bytes headers:bytes
-- returns:  delivered | duplicate
-- moves:
-- keeps:    5 7
-- uses:     keys clock timers
-- cost:     O(1)
if redis.call('EXISTS', keys.delivery(delivery)) == 1 then return {'duplicate'} end  --@deliver-fence

-- writes (HSET first: with memory full, all or nothing)
redis.call('HSET', keys.delivery(delivery), 'topic', topic, 'source', source, 'body', body, 'headers', headers,
  'at', clock.now)
redis.call('ZADD', keys.deliveries, clock.now, delivery)
timers.set('delivery', delivery, clock.now)  --@deliver-timer
return {'delivered'}

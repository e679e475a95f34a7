-- reap: nodes past their lease are closed, and what waits beside idle slots is due again.
--
-- args:     server:str
-- returns:  reaped lost permits
-- moves:    running->lost lost->retrying lost->failed lost->cancelled waiting->upstream_failed
-- keeps:    2 4 6
-- uses:     keys clock runs decide nodes healing permits
-- cost:     O(nodes + slots of the dead ones), which are at most 100 attempts
local known = redis.call('HMGET', keys.meta, 'tick', 'server')
local lost = 0

-- writes
redis.call('HSET', keys.meta, 'tick', clock.now, 'server', server)
if not known[1] or clock.now - known[1] > limits.OUTAGE_MS or known[2] ~= server then
  -- an outage is not a death: whoever is alive has until now + lease to say so
  for _, node in ipairs(redis.call('ZRANGE', keys.nodes, 0, -1)) do
    redis.call('ZADD', keys.nodes, clock.now + limits.LEASE_MS, node)
  end
else
  for _, node in ipairs(redis.call('ZRANGEBYSCORE', keys.nodes, '-inf', clock.now, 'LIMIT', 0, limits.MOST_LOST)) do
    if lost < limits.MOST_LOST then lost = lost + nodes.close(node) end
  end
end
decide.spread()
runs.save()
local seen = {}
for _, node in ipairs(redis.call('ZRANGE', keys.nodes, 0, -1)) do
  local subscriptions = redis.call('HGET', keys.node(node), 'subscriptions')
  if subscriptions and not seen[subscriptions] then healing.queues(subscriptions) end
  seen[subscriptions or ''] = true
end
return {'reaped', lost, permits.due()}

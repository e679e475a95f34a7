-- reap: nodes past their lease are closed, and permits go out again for attempts that wait beside idle slots.
--
-- args:     server:str broker:str
-- returns:  reaped lost gone permits
-- moves:    running->lost lost->retrying lost->failed lost->cancelled waiting->upstream_failed
-- keeps:    2 4 6
-- uses:     keys clock runs decide nodes brokers healing permits
-- cost:     O(nodes + slots of the dead ones), which are at most 100 attempts
local known = redis.call('HMGET', keys.meta, 'tick', 'server')
local lost, gone = 0, {}

-- writes
redis.call('HSET', keys.meta, 'tick', clock.now, 'server', server)
local since = known[1] and clock.now - known[1]
local set_back = since and since < -limits.CLOCK_AHEAD_MS  -- the clock: leases lie in the future
if not since or set_back or since > limits.OUTAGE_MS or known[2] ~= server then  --@reap-outage
  -- after an outage of the store, every node has a whole lease to beat again
  for _, node in ipairs(redis.call('ZRANGE', keys.nodes, 0, -1)) do
    redis.call('ZADD', keys.nodes, clock.now + limits.LEASE_MS, node)
  end
else
  for _, node in ipairs(redis.call('ZRANGEBYSCORE', keys.nodes, '-inf', clock.now, 'LIMIT', 0, limits.MOST_LOST)) do
    if lost < limits.MOST_LOST then
      local with_it = nodes.close(node)
      lost = lost + #with_it
      gone[#gone + 1], gone[#gone + 2] = node, table.concat(with_it, ' ')
    end
  end
end
decide.spread()
runs.save()
local seen = {}
for _, node in ipairs(redis.call('ZRANGE', keys.nodes, 0, -1)) do
  local about = redis.call('HMGET', keys.node(node), 'subscriptions', 'broker')
  -- whoever listens elsewhere would not hear the permits: its own beats see to it
  if about[1] and not seen[about[1]] and brokers.same(broker, about[2]) then
    healing.queues(about[1], broker)
    seen[about[1]] = true
  end
end
return {'reaped', lost, gone, permits.due()}

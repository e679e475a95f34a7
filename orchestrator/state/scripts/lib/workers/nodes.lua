-- nodes: worker nodes come in, stay by their beats, and go out
-- uses: keys clock slots outcomes
local nodes = {LEASE = 10000}  -- ms
local REMEMBERED = 3600000     -- ms that a closed node's hash is kept, for people to see

local function count_slots(subscriptions, change)
  for _, route in string.gmatch(subscriptions, '(%d+) ([^\n]+)') do
    redis.call('HINCRBY', keys.route(route), 'slots', change)
  end
end

function nodes.open(node, subscriptions, slot_count, info)
  local incarnation = redis.call('HINCRBY', keys.meta, 'incarnation', 1)
  redis.call('HSET', keys.node(node), 'incarnation', incarnation, 'subscriptions', subscriptions,
    'slots', slot_count, 'idle', 0, 'info', info, 'opened', clock.now)
  redis.call('PERSIST', keys.node(node))
  redis.call('ZADD', keys.nodes, clock.now + nodes.LEASE, node)
  count_slots(subscriptions, slot_count)
  return incarnation
end

-- close a node: what its slots hold is lost, or handed back for free where it leaves in good order
function nodes.close(node, free)
  redis.call('ZREM', keys.nodes, node)
  local key, lost = keys.node(node), 0
  local fields = redis.call('HGETALL', key)
  for slot, ref in pairs(slots.of(fields)) do
    redis.call('HDEL', key, 'slot:' .. slot, 'missed:' .. slot)
    if ref then lost = lost + outcomes.lose(ref, free) end
  end
  local known = redis.call('HMGET', key, 'subscriptions', 'slots', 'incarnation')
  if known[3] then count_slots(known[1], -tonumber(known[2])) end
  redis.call('HDEL', key, 'incarnation')
  redis.call('PEXPIRE', key, REMEMBERED)
  return lost
end

function nodes.is_open(node, incarnation) return redis.call('HGET', keys.node(node), 'incarnation') == incarnation end

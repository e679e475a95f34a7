-- nodes: open and close worker nodes
-- uses: keys clock slots outcomes
local nodes = {}

local function count_slots(subscriptions, change)
  for _, route in string.gmatch(subscriptions, '(%d+) ([^\n]+)') do
    redis.call('HINCRBY', keys.route(route), 'slots', change)
  end
end

function nodes.open(node, subscriptions, slot_count, info, broker)
  local incarnation = redis.call('HINCRBY', keys.meta, 'incarnation', 1)
  redis.call('HSET', keys.node(node), 'incarnation', incarnation, 'subscriptions', subscriptions,
    'slots', slot_count, 'idle', 0, 'info', info, 'broker', broker, 'opened', clock.now, 'beaten', clock.now)
  redis.call('HDEL', keys.node(node), 'beat', 'draining', 'tasks', 'gone', 'lost')
  redis.call('ZREM', keys.gone, node)
  redis.call('PERSIST', keys.node(node))
  redis.call('ZADD', keys.nodes, clock.now + limits.LEASE_MS, node)
  count_slots(subscriptions, slot_count)
  return incarnation
end

-- keep a lost node for people: when it was given up, and the attempts that were lost with it
local function remember(node, lost)
  redis.call('HSET', keys.node(node), 'gone', clock.now, 'lost', table.concat(lost, ' '))
  redis.call('ZADD', keys.gone, clock.now, node)
  redis.call('ZREMRANGEBYSCORE', keys.gone, '-inf', clock.now - limits.NODE_KEPT_MS)
  redis.call('PEXPIRE', keys.gone, limits.NODE_KEPT_MS)
end

-- close a node: the attempts of its slots are lost; `free` if it leaves in good order, and no loss counts; return them
function nodes.close(node, free)
  redis.call('ZREM', keys.nodes, node)
  local key, lost = keys.node(node), {}
  local fields = redis.call('HGETALL', key)
  for slot, ref in pairs(slots.of(fields)) do
    redis.call('HDEL', key, 'slot:' .. slot, 'missed:' .. slot)
    if ref and outcomes.lose(ref, free) == 1 then lost[#lost + 1] = ref end  --@close-attempts
  end
  local known = redis.call('HMGET', key, 'subscriptions', 'slots', 'incarnation')
  if known[3] then count_slots(known[1], -tonumber(known[2])) end  --@close-slots
  redis.call('HDEL', key, 'incarnation')
  if not free then remember(node, lost) end
  redis.call('PEXPIRE', key, limits.NODE_KEPT_MS)
  return lost
end

-- change the routes that an open node takes from
function nodes.subscribe(name, subscriptions)
  local known = redis.call('HMGET', keys.node(name), 'subscriptions', 'slots')
  count_slots(known[1], -tonumber(known[2]))
  count_slots(subscriptions, known[2])
  redis.call('HSET', keys.node(name), 'subscriptions', subscriptions)
end

-- return the name under which an incarnation of a node is open: its own, or after `step_aside` another; nil if closed
function nodes.find(node, incarnation)
  for _, name in ipairs({node, slots.aside(node, incarnation)}) do
    if redis.call('HGET', keys.node(name), 'incarnation') == incarnation then return name end
  end
end

-- return who has the name: nil for nobody, else 'draining', 'silent' or 'live', its info, and ms since its last beat
function nodes.holder(node)
  local known = redis.call('HMGET', keys.node(node), 'incarnation', 'draining', 'info', 'beaten')
  if not known[1] then return nil end
  local ms = clock.now - tonumber(known[4] or 0)
  return known[2] and 'draining' or ms > limits.QUIET_MS and 'silent' or 'live', known[3], ms, known[1]
end

-- a draining node makes room for a new one of its name, and keeps its lease and what its slots hold
function nodes.step_aside(node, incarnation)
  local name = slots.aside(node, incarnation)
  redis.call('RENAME', keys.node(node), keys.node(name))
  redis.call('ZADD', keys.nodes, redis.call('ZSCORE', keys.nodes, node) or clock.now, name)
  redis.call('ZREM', keys.nodes, node)
end

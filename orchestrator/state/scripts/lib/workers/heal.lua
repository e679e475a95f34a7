-- heal: ring again where an attempt has been ready for over 2 s beside idle slots (the one rule of healing)
-- uses: keys clock ready rings
local heal = {}
local OVERDUE, EAGER, PAUSE, LONG_PAUSE = 2000, 3, 2000, 60000

-- idle slots of the live nodes that take this class of this route
local function idle_slots(route, class)
  local sum = 0
  for _, node in ipairs(redis.call('ZRANGEBYSCORE', keys.nodes, clock.now, '+inf')) do
    local known = redis.call('HMGET', keys.node(node), 'wants', 'idle')
    local wants = '\n' .. (known[1] or '') .. '\n'
    local start = string.find(wants, ' ' .. route .. '\n', 1, true)
    local classes = start and string.match(string.sub(wants, 1, start - 1), '(%d+)$')
    if classes and string.find(classes, class, 1, true) then sum = sum + tonumber(known[2]) end
  end
  return sum
end

-- ring a queue if it needs it; return how many healing rings it has had since all was well or a permit of it arrived
function heal.queue(route, class)
  local low = class * ready.CLASS
  local overdue = redis.call('ZCOUNT', keys.since(route), low, low + clock.now - OVERDUE)
  local key = keys.route(route)
  if overdue == 0 then
    redis.call('HDEL', key, 'heal:' .. class, 'healed:' .. class)  -- nothing is wrong here: start afresh next time
    return 0
  end
  local known = redis.call('HMGET', key, 'heal:' .. class, 'healed:' .. class)
  local times = tonumber(known[1] or 0)
  if clock.now < tonumber(known[2] or 0) then return times end
  local permits = math.min(overdue, idle_slots(route, class))
  if permits == 0 then return times end
  times = times + 1
  -- each says it once more: where half of all messages get lost, three rings miss a lone attempt once in 64, not in 8
  rings.heal(route, class, permits * math.min(times, EAGER))
  local pause = times < EAGER and PAUSE or LONG_PAUSE
  redis.call('HSET', key, 'heal:' .. class, times, 'healed:' .. class, clock.now + pause)
  return times
end

-- every queue that a node wants; return the most healing rings that one of them has had
function heal.queues(wants)
  local most = 0
  for classes, route in string.gmatch(wants, '(%d+) ([^\n]+)') do
    for class in string.gmatch(classes, '%d') do most = math.max(most, heal.queue(route, tonumber(class))) end
  end
  return most
end

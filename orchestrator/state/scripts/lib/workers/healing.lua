-- healing: publish permits again where an attempt has been ready for over 2 s beside idle slots
-- uses: keys clock permits brokers
local healing = {}

-- return the number of idle slots of live nodes that take this class of this route
local function idle_slots(route, class)
  local sum = 0
  for _, node in ipairs(redis.call('ZRANGEBYSCORE', keys.nodes, clock.now, '+inf')) do
    local known = redis.call('HMGET', keys.node(node), 'subscriptions', 'idle')
    local subscriptions = '\n' .. (known[1] or '') .. '\n'
    local start = string.find(subscriptions, ' ' .. route .. '\n', 1, true)
    local classes = start and string.match(string.sub(subscriptions, 1, start - 1), '(%d+)$')
    if classes and string.find(classes, class, 1, true) then sum = sum + tonumber(known[2]) end
  end
  return sum
end

-- heal a queue by this broker if it needs it; return how many rounds it has had since no attempt was overdue or a
-- permit arrived; 0 where the last went to another broker, which says nothing of those who listen to this one
function healing.queue(route, class, broker)
  local low = class * limits.CLASS_SCORE
  local overdue = redis.call('ZCOUNT', keys.since(route), low, low + clock.now - limits.OVERDUE_MS)
  local key = keys.route(route)
  if overdue == 0 then
    redis.call('HDEL', key, 'rounds:' .. class, 'healing_at:' .. class)  -- nothing is wrong here
    return 0
  end
  local known = redis.call('HMGET', key, 'rounds:' .. class, 'healing_at:' .. class)
  local rounds, by = string.match(known[1] or '0', '^(%d+) ?(.*)$')
  local times = tonumber(rounds)
  local counted = brokers.same(broker, by) and times or 0
  local left = tonumber(known[2] or 0) - clock.now
  if left > 0 and left <= limits.HEAL_LONG_PAUSE_MS then return counted end  -- longer: the clock was set back
  local count = math.min(overdue, idle_slots(route, class))  --@heal-idle
  if count == 0 then return counted end
  times = times + 1
  -- each round publishes more: where half of all messages are lost, three rounds miss a lone attempt once in 64
  permits.heal(route, class, count * math.min(times, limits.EAGER_ROUNDS))
  local pause = times < limits.EAGER_ROUNDS and limits.HEAL_PAUSE_MS or limits.HEAL_LONG_PAUSE_MS  --@heal-pause
  redis.call('HSET', key, 'rounds:' .. class, times .. ' ' .. broker, 'healing_at:' .. class, clock.now + pause)
  return times
end

-- heal every queue of these subscriptions by this broker; return the most rounds that one of them has had
function healing.queues(subscriptions, broker)
  local most = 0
  for classes, route in string.gmatch(subscriptions, '(%d+) ([^\n]+)') do
    for class in string.gmatch(classes, '%d') do
      most = math.max(most, healing.queue(route, tonumber(class), broker))
    end
  end
  return most
end

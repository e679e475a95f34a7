-- fairness: a claim serves the most urgent attempt, and after nine overtakings the longest waiting
-- uses: keys clock
local fairness = {}
local PATIENCE_MS = limits.PATIENCE_MS

-- return the first of a class in a route's ready set (the most urgent) or its since set (the oldest)
local function first(key, class)
  local low, high = class * limits.CLASS_SCORE, string.format('(%.0f', (class + 1) * limits.CLASS_SCORE)
  return unpack(redis.call('ZRANGEBYSCORE', key, low, high, 'WITHSCORES', 'LIMIT', 0, 1))
end

-- return member and score of the most urgent attempt of a route in the given classes (digits, most urgent first)
function fairness.head(route, classes)
  if classes == '0123' then return unpack(redis.call('ZRANGE', keys.ready(route), 0, 0, 'WITHSCORES')) end
  for class in string.gmatch(classes, '%d') do
    local found, score = first(keys.ready(route), class)
    if found then return found, score end
  end
end

function fairness.class(score) return math.floor(score / limits.CLASS_SCORE) end

-- return the longest waiting past its patience that a claim of this class overtakes: member and class; and whether
-- there is one of a class that the claim may not take
local function overtaken(route, classes, class)
  local longest, longest_class, waited, barred
  for behind = class + 1, 3 do
    local found, score = first(keys.since(route), behind)
    local ms = found and clock.now - (score - behind * limits.CLASS_SCORE) or 0
    if ms > PATIENCE_MS[behind] then  --@patience
      if not string.find(classes, behind, 1, true) then
        barred = true
      elseif not longest or ms > waited then
        longest, longest_class, waited = found, behind, ms
      end
    end
  end
  return longest, longest_class, barred
end

-- return the route, member and class to serve, of all subscribed routes
function fairness.pick(subscriptions)
  local best
  for classes, route in string.gmatch(subscriptions, '(%d+) ([^\n]+)') do
    local found, score = fairness.head(route, classes)
    score = tonumber(score)
    if found and not (best and best.score <= score) then
      best = {route = route, classes = classes, found = found, score = score}
    end
  end
  if not best then return nil end
  local class = fairness.class(best.score)
  local longest, longest_class, barred = overtaken(best.route, best.classes, class)
  local key = keys.route(best.route)
  local debt = tonumber(redis.call('HGET', key, 'debt') or 0)
  if longest and debt >= limits.OVERTAKINGS then  --@overtakings
    redis.call('HSET', key, 'debt', 0)
    return best.route, longest, longest_class
  end
  if longest then
    redis.call('HINCRBY', key, 'debt', 1)
  elseif debt > 0 and not barred then  --@overtaken-barred
    redis.call('HSET', key, 'debt', 0)
  end
  return best.route, best.found, class
end

-- permits: collect the permits that the script's caller must publish
-- uses: keys
local permits = {}
local wanted, in_order
function permits.begin() wanted, in_order = {}, {} end

local function entry_of(route, class)
  local name = class .. ' ' .. route
  local found = wanted[name]
  if not found then
    found = {route = route, class = class, count = 0, healing = false}
    wanted[name] = found
    in_order[#in_order + 1] = found
  end
  return found
end

-- ask for a permit: one more attempt is ready
function permits.add(route, class)
  local entry = entry_of(route, class)
  entry.count = entry.count + 1
end

-- ask for one less: the caller itself has taken an attempt
function permits.taken(route, class)
  local entry = entry_of(route, class)
  entry.count = math.max(entry.count - 1, 0)
end

-- ask for so many permits, no matter how many are thought to be out: messages were lost
function permits.heal(route, class, count)
  local entry = entry_of(route, class)
  entry.count, entry.healing = count, true
end

-- return the list for the reply (route, class, count, …), and add the counts to the estimate of permits that are out
function permits.due()
  local flat = {}
  for _, entry in ipairs(in_order) do
    local key, field, count = keys.route(entry.route), 'out:' .. entry.class, entry.count
    if count > 0 and not entry.healing then
      local known = redis.call('HMGET', key, field, 'slots')
      local most = math.max(limits.LEAST_PERMITS, limits.PERMITS_PER_SLOT * tonumber(known[2] or 0))
      count = math.min(count, most - tonumber(known[1] or 0))  --@permits-bound
    end
    if count > 0 then
      if entry.healing then
        redis.call('HSET', key, field, count)
      else
        redis.call('HINCRBY', key, field, count)
      end
      flat[#flat + 1], flat[#flat + 2], flat[#flat + 3] = entry.route, entry.class, count
    end
  end
  return flat
end

-- note that a permit has arrived: it is no longer out, and the queue's healing starts afresh
function permits.arrived(route, class)
  local key, field = keys.route(route), 'out:' .. class
  local known = redis.call('HMGET', key, field, 'rounds:' .. class)
  if tonumber(known[1] or 0) > 0 then redis.call('HINCRBY', key, field, -1) end
  if known[2] then redis.call('HDEL', key, 'rounds:' .. class, 'healing_at:' .. class) end
end

-- rings: permits that the caller has to publish; no message comes out of Lua
-- uses: keys
local rings, wanted, in_order = {}
function rings.begin() wanted, in_order = {}, {} end
local LEAST, PER_SLOT = 16, 4  -- permits out on a queue: at most 4 times its live slots, at least 16

local function ring_of(route, class)
  local name = class .. ' ' .. route
  local found = wanted[name]
  if not found then
    found = {route = route, class = class, permits = 0, healing = false}
    wanted[name] = found
    in_order[#in_order + 1] = found
  end
  return found
end

-- one more attempt is ready there
function rings.add(route, class)
  local ring = ring_of(route, class)
  ring.permits = ring.permits + 1
end

-- the caller itself has taken one: no need to wake another for it
function rings.taken(route, class)
  local ring = ring_of(route, class)
  ring.permits = math.max(ring.permits - 1, 0)
end

-- ring whatever is thought to be out: messages were lost
function rings.heal(route, class, permits)
  local ring = ring_of(route, class)
  ring.permits, ring.healing = permits, true
end

-- the list for the reply: route, class, permits, …; what is out is an estimate, kept here
function rings.list()
  local flat = {}
  for _, ring in ipairs(in_order) do
    local key, field, permits = keys.route(ring.route), 'rung:' .. ring.class, ring.permits
    if permits > 0 and not ring.healing then
      local known = redis.call('HMGET', key, field, 'slots')
      local most = math.max(LEAST, PER_SLOT * tonumber(known[2] or 0))
      permits = math.min(permits, most - tonumber(known[1] or 0))
    end
    if permits > 0 then
      if ring.healing then redis.call('HSET', key, field, permits) else redis.call('HINCRBY', key, field, permits) end
      flat[#flat + 1], flat[#flat + 2], flat[#flat + 3] = ring.route, ring.class, permits
    end
  end
  return flat
end

-- a permit has arrived: it is no longer out, and the queue's healing starts afresh
function rings.arrived(route, class)
  local key, field = keys.route(route), 'rung:' .. class
  local known = redis.call('HMGET', key, field, 'heal:' .. class)
  if tonumber(known[1] or 0) > 0 then redis.call('HINCRBY', key, field, -1) end
  if known[2] then redis.call('HDEL', key, 'heal:' .. class, 'healed:' .. class) end
end

-- heard: a trigger that waits for several datasets: the last delivery of each, within its window
-- uses: keys clock
local heard = {}

-- take in one; gives all deliveries, the oldest first, once each dataset has one, else none
function heard.all(s, name, delivery)
  local key = keys.heard(s.id)
  redis.call('HSET', key, name, string.format('%.0f', clock.now) .. ' ' .. delivery)
  local flat, found = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do
    local at, each = string.match(flat[i + 1], '^(%d+) (.*)$')
    if s.within > 0 and clock.now - at > s.within then redis.call('HDEL', key, flat[i])
    else found[#found + 1] = {at = tonumber(at), delivery = each, name = flat[i]} end
  end
  if #found < s.need then return {} end
  redis.call('DEL', key)
  table.sort(found, function(a, b) return a.at < b.at or (a.at == b.at and a.name < b.name) end)
  local whole = {}
  for i, each in ipairs(found) do whole[i] = each.delivery end
  return whole
end

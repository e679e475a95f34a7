-- dataset_joins: a trigger that waits for several datasets keeps the last delivery of each, within its window
-- uses: keys clock
local dataset_joins = {}

-- record at a kept delivery why it starts no run: a later one replaced it, or it is too old
local function let_go(id, entry, word)
  redis.call('HSET', keys.delivery(string.match(entry, '^%d+ (.*)$')), 's:' .. id, word)
end

-- keep a delivery; once each dataset has one, return them all, the oldest first; else none
function dataset_joins.all(starter, name, delivery)
  local key = keys.dataset_joins(starter.id)
  local before = redis.call('HGET', key, name)
  if before then let_go(starter.id, before, 'superseded') end
  redis.call('HSET', key, name, string.format('%.0f', clock.now) .. ' ' .. delivery)
  local flat, found = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do
    local at, each = string.match(flat[i + 1], '^(%d+) (.*)$')
    if starter.within > 0 and clock.now - at > starter.within then
      redis.call('HDEL', key, flat[i])
      let_go(starter.id, flat[i + 1], 'expired')
    else
      found[#found + 1] = {at = tonumber(at), delivery = each, name = flat[i]}
    end
  end
  if #found < starter.need then return {} end
  redis.call('DEL', key)
  table.sort(found, function(a, b) return a.at < b.at or (a.at == b.at and a.name < b.name) end)
  local whole = {}
  for i, each in ipairs(found) do whole[i] = each.delivery end
  return whole
end

-- forget the deliveries that are kept
function dataset_joins.clear(id)
  for _, entry in ipairs(redis.call('HVALS', keys.dataset_joins(id))) do let_go(id, entry, 'superseded') end
  redis.call('DEL', keys.dataset_joins(id))
end

-- hands: what each slot of a node holds and was last told: a repeated operation gets the same reply
-- uses: keys
local hands = {}
local NONE = '-'

-- the hand of an open node: op, ref (nil for none) and what it was told; nil if this incarnation is closed
function hands.load(node, incarnation, hand)
  local key = keys.node(node)
  local found = redis.call('HMGET', key, 'incarnation', 'h:' .. hand)
  if found[1] ~= incarnation then return nil end
  local this = {key = key, name = hand, field = 'h:' .. hand, op = 0, said = {}}
  local part = 0
  for text in string.gmatch(found[2] or '', '[^\n]+') do
    part = part + 1
    if part == 1 then this.op = tonumber(text)
    elseif part == 2 then this.ref = text ~= NONE and text or nil
    else this.said[part - 2] = text end
  end
  return this
end

-- remember an operation: what the hand now holds and was told (tag, todo, rings)
function hands.keep(hand, op, ref, tag, todo, rung)
  local parts = {op, ref or NONE, tag, todo and 1 or 0}
  for _, part in ipairs(rung) do parts[#parts + 1] = part end
  redis.call('HSET', hand.key, hand.field, table.concat(parts, '\n'))
end

-- what the hand was told: tag, todo, rings
function hands.said(hand)
  local rung = {}
  for i = 3, #hand.said do rung[i - 2] = hand.said[i] end
  return hand.said[1], hand.said[2] == '1', rung
end

-- forget a hand, and the beats that have missed it
function hands.drop(hand) redis.call('HDEL', hand.key, hand.field, 'm:' .. hand.name) end

-- every hand that a node's hash lists: name → the attempt it holds or false
function hands.of(fields)
  local held = {}
  for i = 1, #fields, 2 do
    local name = string.match(fields[i], '^h:(.*)$')
    if name then
      local ref = string.match(fields[i + 1], '^%d+\n([^\n]+)')
      held[name] = ref ~= NONE and ref
    end
  end
  return held
end

-- slots: each slot of a node keeps its attempt and its last reply, so that a repeated operation gets the same reply
-- uses: keys
local slots = {}
local NONE = limits.NO_ATTEMPT

-- return the name of a draining node that made room for a new node of its name
function slots.aside(node, incarnation) return node .. '#' .. incarnation end

-- return the slot of an open node: op, ref (nil for none) and last reply; nil if this incarnation is closed
function slots.load(node, incarnation, name)
  local key = keys.node(node)
  local found = redis.call('HMGET', key, 'incarnation', 'slot:' .. name)
  if found[1] ~= incarnation then
    key = keys.node(slots.aside(node, incarnation))
    found = redis.call('HMGET', key, 'incarnation', 'slot:' .. name)
    if found[1] ~= incarnation then return nil end
  end
  local slot = {key = key, name = name, field = 'slot:' .. name, op = 0, said = {}}
  local part = 0
  for text in string.gmatch(found[2] or '', '[^\n]+') do
    part = part + 1
    if part == 1 then
      slot.op = tonumber(text)
    elseif part == 2 then
      slot.ref = text ~= NONE and text or nil
    else
      slot.said[part - 2] = text
    end
  end
  return slot
end

-- keep an operation: the slot's attempt and the reply (tag, todo, permits)
function slots.keep(slot, op, ref, tag, todo, due)
  local parts = {op, ref or NONE, tag, todo and 1 or 0}
  for _, part in ipairs(due) do parts[#parts + 1] = part end
  redis.call('HSET', slot.key, slot.field, table.concat(parts, '\n'))
end

-- return the last reply: tag, todo, permits
function slots.said(slot)
  local due = {}
  for i = 3, #slot.said do due[i - 2] = slot.said[i] end
  return slot.said[1], slot.said[2] == '1', due
end

-- delete a slot, and the number of beats that missed it
function slots.drop(slot) redis.call('HDEL', slot.key, slot.field, 'missed:' .. slot.name) end

-- return each slot of a node's hash: name → its attempt, or false
function slots.of(fields)
  local held = {}
  for i = 1, #fields, 2 do
    local name = string.match(fields[i], '^slot:(.*)$')
    if name then
      local ref = string.match(fields[i + 1], '^%d+\n([^\n]+)')
      held[name] = ref ~= NONE and ref
    end
  end
  return held
end

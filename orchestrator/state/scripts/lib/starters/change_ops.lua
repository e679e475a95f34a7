-- change_ops: read packed changes of definitions.  Twin: state/layouts/change_ops.py
-- uses: keys
local change_ops = {}

-- split packed changes into lists of texts: the kind, then the fields; a length stands before each list and each text
function change_ops.read(packed)
  local list, at = {}, 1
  while at <= #packed do
    local count, start = struct.unpack('>I2', packed, at)
    local op = {}
    at = start
    for i = 0, count - 1 do
      local length, from = struct.unpack('>I4', packed, at)
      at = from + length
      if i == 0 then op.kind = string.sub(packed, from, at - 1) else op[i] = string.sub(packed, from, at - 1) end
    end
    list[#list + 1] = op
  end
  return list
end

-- return whether the starter is as its editor saw it: '' for any, 0 for none, else its generation, or that and `next`
local EDITS = {starter = true, drop = true, pause = true, resume = true, clear = true}
function change_ops.current(op)
  if not EDITS[op.kind] or op[2] == '' then return true end
  local known = redis.call('HMGET', keys.starter(op[1]), 'generation', 'next')
  local generation = known[1] or '0'
  return op[2] == generation or op[2] == generation .. ' ' .. (known[2] or '')  --@edit-fence
end

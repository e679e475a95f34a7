-- texts: lists of texts in one argument, each with its length before it.  Twin: state/layouts/texts.py
local texts = {}

-- split a packed list
function texts.read(packed)
  local list, at = {}, 1
  while at <= #packed do
    local length, from = struct.unpack('>I4', packed, at)
    at = from + length
    list[#list + 1] = string.sub(packed, from, at - 1)
  end
  return list
end

-- call visit with at most `limits.MOST_ARGUMENTS` of the texts at a time
function texts.in_parts(list, visit)
  for at = 1, #list, limits.MOST_ARGUMENTS do
    visit(unpack(list, at, math.min(at + limits.MOST_ARGUMENTS - 1, #list)))
  end
end

-- brokers: which processes are of one broker, by the ids that they say it has
local brokers = {}

-- whether two texts of ids have one in common; a text without any is of any broker
function brokers.same(ids, others)
  if not others or ids == '' or others == '' then return true end
  for id in string.gmatch(others, '%S+') do
    if string.find(' ' .. ids .. ' ', ' ' .. id .. ' ', 1, true) then return true end
  end
  return false
end

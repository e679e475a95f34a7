-- subscribe: a node takes from other queues than before.
--
-- args:     node:str incarnation:str subscriptions:str
-- returns:  subscribed | gone
-- moves:
-- keeps:    4
-- uses:     nodes
-- cost:     O(routes of the node)
local name = nodes.find(node, incarnation)
if not name then return {'gone'} end

-- writes
nodes.subscribe(name, subscriptions)
return {'subscribed'}

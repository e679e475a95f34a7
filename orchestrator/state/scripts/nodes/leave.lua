-- leave: a node closes in good order; the attempts of its slots are handed back, and no loss counts.
--
-- args:     node:str incarnation:str
-- returns:  left permits | gone
-- moves:    running->lost lost->retrying lost->cancelled
-- keeps:    2 4 6
-- uses:     runs nodes permits
-- cost:     O(slots of the node)
local name = nodes.find(node, incarnation)
if not name then return {'gone'} end

-- writes (a removal first: with memory full, it goes through)
nodes.close(name, true)  --@leave-free
runs.save()
return {'left', permits.due()}

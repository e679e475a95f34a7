-- register: a node comes in; an older incarnation of it is closed, and what that held is lost.
--
-- args:     node:str subscriptions:str slot_count:int info:bytes
-- returns:  welcome incarnation
-- moves:    running->lost lost->retrying lost->failed lost->cancelled waiting->upstream_failed
-- keeps:    2 4 6
-- uses:     keys runs decide nodes
-- cost:     O(slots of the node)

-- writes
if redis.call('HEXISTS', keys.node(node), 'incarnation') == 1 then nodes.close(node) end
local incarnation = nodes.open(node, subscriptions, slot_count, info)
decide.spread()
runs.save()
return {'welcome', incarnation}

-- register: a node comes in; an older incarnation of it is closed, and what that held is lost.
--
-- args:     node:str wants:str slots:int info:bytes
-- returns:  welcome incarnation
-- moves:    running->lost lost->retrying lost->failed lost->cancelled waiting->upstream_failed
-- keeps:    2 4 6
-- uses:     keys runs admit nodes
-- cost:     O(hands of the node)

-- writes
if redis.call('HEXISTS', keys.node(node), 'incarnation') == 1 then nodes.close(node) end
local incarnation = nodes.open(node, wants, slots, info)
admit.spread()
runs.save()
return {'welcome', incarnation}

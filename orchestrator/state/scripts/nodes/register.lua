-- register: a node comes in; a live one of its name keeps the name, a draining one makes room, a silent one is closed.
--
-- args:     node:str subscriptions:str slot_count:int info:bytes broker:str
-- returns:  welcome incarnation | taken info silent_ms
-- moves:    running->lost lost->retrying lost->failed lost->cancelled waiting->upstream_failed
-- keeps:    2 4 6
-- uses:     runs decide nodes
-- cost:     O(slots of the node)
local holder, holder_info, silent_ms, older = nodes.holder(node)
if holder == 'live' then return {'taken', holder_info or '', silent_ms} end

-- writes
if holder == 'draining' then nodes.step_aside(node, older)
elseif holder then nodes.close(node) end
local incarnation = nodes.open(node, subscriptions, slot_count, info, broker)
decide.spread()
runs.save()
return {'welcome', incarnation}

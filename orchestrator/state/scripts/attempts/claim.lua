-- claim: a slot takes the head of its routes.
--
-- args:     node:str incarnation:str slot_name:str op:int subscriptions:str permit:str
-- returns:  took claimed permits | nothing permits | stale state | gone
-- moves:    queued->running queued->cancelled queued->parked running->lost lost->retrying lost->failed lost->cancelled
--           waiting->upstream_failed
-- keeps:    1 2 4 6
-- uses:     slots runs decide outcomes claiming claim_reply permits
-- cost:     O(subscribed routes + inputs of the job), no loop over the run
local slot = slots.load(node, incarnation, slot_name)
if not slot then return {'gone'} end
if op < slot.op then return {'stale', job.waiting} end
if op == slot.op then  --@claim-repeated
  local tag, _, due = slots.said(slot)
  if tag == 'took' then return {tag, claim_reply.of(slot.ref), due} end
  return {tag, due}
end

-- writes (HSET first: with memory full, all or nothing)
redis.call('HSET', slot.key, slot.field, op .. '\n-\nnothing\n0')
if slot.ref then outcomes.lose(slot.ref) end  -- a slot that asks again has let go of what it held  --@claim-lost
local class, route = string.match(permit, '^(%d) (.*)$')
if class then permits.arrived(route, class) end  --@claim-permit
local ref = claiming.next(node, subscriptions)
if not ref then claiming.pass_on(subscriptions) end  --@claim-pass-on
decide.spread()
runs.save()
local due = permits.due()
slots.keep(slot, op, ref, ref and 'took' or 'nothing', false, due)
if ref then return {'took', claim_reply.of(ref), due} end
return {'nothing', due}

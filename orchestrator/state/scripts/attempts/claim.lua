-- claim: a hand takes the head of its routes.
--
-- args:     node:str incarnation:str hand:str op:int wants:str permit:str
-- returns:  took claimed rings | nothing rings | stale state | gone
-- moves:    queued->running queued->cancelled running->lost lost->retrying lost->failed lost->cancelled
--           waiting->upstream_failed
-- keeps:    1 2 4 6
-- uses:     hands runs admit outcomes take handout rings
-- cost:     O(wanted routes + inputs of the job), no loop over the run
local this = hands.load(node, incarnation, hand)
if not this then return {'gone'} end
if op < this.op then return {'stale', job.waiting} end
if op == this.op then
  local tag, _, rung = hands.said(this)
  if tag == 'took' then return {tag, handout.of(this.ref), rung} end
  return {tag, rung}
end

-- writes (HSET first: with memory full, all or nothing)
redis.call('HSET', this.key, this.field, op .. '\n-\nnothing\n0')
if this.ref then outcomes.lose(this.ref) end  -- a hand that asks again has let go of what it held
local class, route = string.match(permit, '^(%d) (.*)$')
if class then rings.arrived(route, class) end
local ref = take.next(node, wants)
if not ref then take.pass(wants) end
admit.spread()
runs.save()
local rung = rings.list()
hands.keep(this, op, ref, ref and 'took' or 'nothing', false, rung)
if ref then return {'took', handout.of(ref), rung} end
return {'nothing', rung}

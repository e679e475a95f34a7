-- finish: a hand reports the end of its attempt; what that makes ready is put up, and the hand takes the next.
--
-- args:     node:str incarnation:str hand:str op:int ref:str outcome:str payload:bytes delay_ms:int wants:str leave:str
-- returns:  done claimed rings todo | stale state | missing | gone
-- moves:    running->succeeded running->failed running->timed_out running->cancelled running->skipped
--           running->retrying running->parked running->lost lost->retrying lost->failed lost->cancelled
--           waiting->queued waiting->skipped waiting->upstream_failed queued->running queued->cancelled
-- keeps:    1 2 4 6 7
-- uses:     hands runs records admit outcomes take handout rings
-- cost:     O(successors), at most a slice; the rest is todo
local this = hands.load(node, incarnation, hand)
if not this then return {'gone'} end
if op == this.op then
  local tag, todo, rung = hands.said(this)
  if tag ~= 'done' then return {'stale', job.waiting} end
  return {tag, this.ref and handout.of(this.ref) or {}, rung, todo and 1 or 0}
end
local id, index, attempt = records.parse(ref)
local run = runs.load(id)
if not run then return {'missing'} end
local r = records.load(run, index)
if op < this.op or this.ref ~= ref or not r or r.state ~= job.running or r.attempt ~= attempt then
  return {'stale', r and r.state or job.waiting}
end

-- writes (a removal first: with memory full, it goes through)
hands.drop(this)
outcomes.apply(run, r, outcome, payload, delay_ms)
admit.spread()
local claimed = wants ~= '' and take.next(node, wants) or nil
take.leave(leave)
runs.save()
local rung = rings.list()
hands.keep(this, op, claimed, 'done', run.todo, rung)
return {'done', claimed and handout.of(claimed) or {}, rung, run.todo and 1 or 0}

-- settle: a node reports the end of an attempt whose hand cannot speak: its process died or was killed.
--
-- args:     node:str incarnation:str hand:str ref:str outcome:str payload:bytes delay_ms:int
-- returns:  settled rings todo | stale state | missing | gone
-- moves:    running->failed running->timed_out running->cancelled running->skipped running->retrying running->parked
--           running->lost lost->retrying lost->failed lost->cancelled
--           waiting->skipped waiting->upstream_failed
-- keeps:    1 2 4 6 7
-- uses:     hands runs records admit outcomes rings
-- cost:     O(successors), at most a slice; the rest is todo
local this = hands.load(node, incarnation, hand)
if not this then return {'gone'} end
local id, index, attempt = records.parse(ref)
local run = runs.load(id)
if not run then return {'missing'} end
local r = records.load(run, index)
if this.ref ~= ref or not r or r.state ~= job.running or r.attempt ~= attempt then
  return {'stale', r and r.state or job.waiting}
end

-- writes (a removal first: with memory full, it goes through)
hands.drop(this)
outcomes.apply(run, r, outcome, payload, delay_ms)
admit.spread()
runs.save()
return {'settled', rings.list(), run.todo and 1 or 0}

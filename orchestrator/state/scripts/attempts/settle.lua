-- settle: a node reports the end of an attempt whose slot cannot, because its process died or was killed.
--
-- args:     node:str incarnation:str slot_name:str ref:str outcome:str payload:bytes delay_ms:int
-- returns:  settled permits todo | stale state | missing | gone
-- moves:    running->failed running->timed_out running->cancelled running->skipped running->retrying running->parked
--           running->lost lost->retrying lost->failed lost->cancelled
--           waiting->skipped waiting->upstream_failed
-- keeps:    1 2 4 6 7
-- uses:     slots runs attempts decide outcomes permits
-- cost:     O(successors), at most a slice; the rest is todo
local slot = slots.load(node, incarnation, slot_name)
if not slot then return {'gone'} end
-- `ref` is the last attempt that the slot began. It never began the one that it was given after that.
local unbegun = slot.ref and slot.ref ~= ref and (outcome == 'lost' or outcome == 'returned')
if ref == '' and not unbegun then return {'stale', job.waiting} end
local run, record, current
if not unbegun then
  run, record, current = attempts.load(ref)
  if not run then return {'missing'} end
  if slot.ref ~= ref or not current or record.state ~= job.running then
    return {'stale', record and record.state or job.waiting}
  end
end

-- writes (a removal first: with memory full, it goes through)
slots.drop(slot)  --@settle-slot
if unbegun then outcomes.lose(slot.ref, true) else outcomes.apply(run, record, outcome, payload, delay_ms) end
decide.spread()
runs.save()
return {'settled', permits.due(), run and run.todo and 1 or 0}

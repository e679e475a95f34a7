-- settle: a node reports the end of an attempt whose slot cannot speak: its process died or was killed.
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
if slot.ref and slot.ref ~= ref and (outcome == 'lost' or outcome == 'returned') then
  -- `ref` is the last that the slot began; what it was given after that was never begun, and is handed back
  slots.drop(slot)
  outcomes.lose(slot.ref, true)
  runs.save()
  return {'settled', permits.due(), 0}
end
if ref == '' then return {'stale', job.waiting} end
local run, r, current = attempts.load(ref)
if not run then return {'missing'} end
if slot.ref ~= ref or not current or r.state ~= job.running then
  return {'stale', r and r.state or job.waiting}
end

-- writes (a removal first: with memory full, it goes through)
slots.drop(slot)
outcomes.apply(run, r, outcome, payload, delay_ms)
decide.spread()
runs.save()
return {'settled', permits.due(), run.todo and 1 or 0}

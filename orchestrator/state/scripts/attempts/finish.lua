-- finish: a slot reports the end of its attempt; the jobs behind it become ready, and the slot takes the next attempt.
--
-- args:     node:str incarnation:str slot_name:str op:int ref:str outcome:str payload:bytes delay_ms:int
--           subscriptions:str leave:str
-- returns:  done claimed permits todo | stale state | missing | gone
-- moves:    running->succeeded running->failed running->timed_out running->cancelled running->skipped
--           running->retrying running->parked running->lost lost->retrying lost->failed lost->cancelled
--           waiting->queued waiting->skipped waiting->upstream_failed queued->running queued->cancelled queued->parked
-- keeps:    1 2 4 6 7
-- uses:     slots runs attempts decide outcomes claiming claim_reply permits
-- cost:     O(successors), at most a slice; the rest is todo
local slot = slots.load(node, incarnation, slot_name)
if not slot then return {'gone'} end
if op == slot.op then  --@finish-repeated
  local tag, todo, due = slots.said(slot)
  if tag ~= 'done' then return {'stale', job.waiting} end
  return {tag, slot.ref and claim_reply.of(slot.ref) or {}, due, todo and 1 or 0}
end
local run, record, current = attempts.load(ref)
if not run then return {'missing'} end
-- an older call of this slot; an attempt that this slot let go of; one that was lost and queued again; one that is over
if op < slot.op or slot.ref ~= ref or not current or record.state ~= job.running then  --@finish-fence
  return {'stale', record and record.state or job.waiting}
end

-- writes (a removal first: with memory full, it goes through)
slots.drop(slot)  --@finish-first-write
outcomes.apply(run, record, outcome, payload, delay_ms)
decide.spread()
local claimed = subscriptions ~= '' and claiming.next(node, subscriptions) or nil
claiming.leave(leave)
runs.save()
local due = permits.due()
slots.keep(slot, op, claimed, 'done', run.todo, due)
return {'done', claimed and claim_reply.of(claimed) or {}, due, run.todo and 1 or 0}

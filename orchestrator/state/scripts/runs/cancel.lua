-- cancel: request the end of a run.
--
-- args:     run_id:str who:str why:str
-- returns:  marked todo | ended state | missing
-- moves:
-- keeps:    1 6 7
-- uses:     runs requested_end
-- cost:     O(1); `advance` carries it out
local run = runs.load(run_id)
if not run then return {'missing'} end
if run.state >= state.succeeded then return {'ended', run.state} end
if run.requested_end then return {'marked', 1} end

-- writes (HSET first; a refused cancel is asked again by its caller)
requested_end.request(run, state.cancelled, who, why)
runs.save()
return {'marked', 1}

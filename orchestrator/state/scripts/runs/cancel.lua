-- cancel: wish a run's end.
--
-- args:     run:str who:str why:str
-- returns:  marked todo | ended state | missing
-- moves:
-- keeps:    1 6 7
-- uses:     runs wishes
-- cost:     O(1); `advance` carries it out
local this = runs.load(run)
if not this then return {'missing'} end
if this.state >= state.succeeded then return {'ended', this.state} end
if this.wish then return {'marked', 1} end

-- writes (HSET first; a refused cancel is asked again by its caller)
wishes.make(this, state.cancelled, who, why)
runs.save()
return {'marked', 1}

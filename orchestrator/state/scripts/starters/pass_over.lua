-- pass_over: planned times that make no run: they were missed, or their run could not be made; the next is set.
--
-- args:     id:str gen:int planned:str last:str word:str detail:str next:str due:int
-- returns:  passed | stale
-- moves:
-- keeps:    5
-- uses:     starters past
-- cost:     O(1)
local s = starters.load(id)
if not s or s.gen ~= gen or not s.enabled or s.next ~= planned then return {'stale'} end

-- writes
starters.plan(s, next, due)
past.lift(s, planned, 'failed')  -- it was tried before
past.note(s, last, word, detail)
return {'passed'}

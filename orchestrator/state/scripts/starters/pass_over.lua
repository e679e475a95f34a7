-- pass_over: planned times that make no run: they were missed, or their run could not be made; the next is set.
--
-- args:     id:str generation:int planned:str last:str word:str detail:str next:str due:int
-- returns:  passed | stale
-- moves:
-- keeps:    5
-- uses:     starters journal
-- cost:     O(1)
local starter = starters.fenced(id, generation)
if not starter or not starter.enabled or starter.next ~= planned then return {'stale'} end

-- writes
starters.plan(starter, next, due)
journal.lift(starter, planned, 'failed')  -- it was tried before
journal.note(starter, last, word, detail)  --@passed-note
return {'passed'}

-- pass_over: planned times make no run, because they were missed or their run cannot be made; the next one is set.
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
journal.lift(starter, planned, 'failed')  -- an entry of an earlier try
journal.note(starter, last, word, detail)  --@passed-note
return {'passed'}

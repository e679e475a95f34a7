-- note_seen: values that a poll or a listener has seen in a trigger's source are kept for the next one.
--
-- `values` is a list of names, each with its value behind it.
--
-- args:     id:str values:str
-- returns:  noted | missing
-- moves:
-- keeps:    5
-- uses:     keys texts
-- cost:     O(values)
if redis.call('EXISTS', keys.starter(id)) == 0 then return {'missing'} end  --@seen-fence
local list = texts.read(values)

-- writes (HSET first: with memory full, all or nothing)
texts.in_parts(list, function(...) redis.call('HSET', keys.seen(id), ...) end)
return {'noted'}

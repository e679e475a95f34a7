-- forget_seen: names that were seen of a trigger's source are forgotten.
--
-- args:     id:str names:str
-- returns:  forgotten count
-- moves:
-- keeps:    5
-- uses:     keys texts
-- cost:     O(names)
local list = texts.read(names)

-- writes (a removal first: with memory full, it goes through)
local count = 0
texts.in_parts(list, function(...) count = count + redis.call('HDEL', keys.seen(id), ...) end)
return {'forgotten', count}

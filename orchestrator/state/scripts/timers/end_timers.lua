-- end_timers: timers that were handed to a scheduler have done their work.
--
-- A scheduler ends them last: one that dies before leaves them to another, which does the work again. All of that work
-- counts once, so it does not matter who ends a timer, or whether it was handed to another in the meantime.
--
-- args:     kind:str refs:str
-- returns:  removed count
-- moves:
-- keeps:    5
-- uses:     keys texts
-- cost:     O(refs)
local list = texts.read(refs)
for i, ref in ipairs(list) do list[i] = kind .. '/' .. ref end  --@end-kind

-- writes (a removal first: with memory full, it goes through)
local count = 0
texts.in_parts(list, function(...) count = count + redis.call('ZREM', keys.timers, ...) end)
return {'removed', count}

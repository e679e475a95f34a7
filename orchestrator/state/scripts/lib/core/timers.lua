-- timers: a timer is `kind/ref` in one set, ordered by the ms at which it is due; `fire` applies the due timers
-- uses: keys
local timers = {}
function timers.set(kind, ref, due) redis.call('ZADD', keys.timers, due, kind .. '/' .. ref) end
function timers.want(kind, ref, due) redis.call('ZADD', keys.timers, 'NX', due, kind .. '/' .. ref) end
function timers.due(kind, ref) return tonumber(redis.call('ZSCORE', keys.timers, kind .. '/' .. ref) or nil) end
function timers.drop(kind, ref) redis.call('ZREM', keys.timers, kind .. '/' .. ref) end

-- clock: the only source of time: TIME of Redis in ms, but never earlier than the namespace's mark (see `keep`)
-- uses: keys
local clock = {}
function clock.begin()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local mark = tonumber(redis.call('HGET', keys.meta, 'clock') or 0)
  clock.now = math.max(now, mark)  --@clock-mark
end

-- store the time as the namespace's mark: after a failover to an older clock, the time does not go back
function clock.keep()
  redis.call('HSET', keys.meta, 'clock', string.format('%.0f', clock.now))
end

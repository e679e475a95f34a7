-- clock: the one source of time: Redis TIME in ms, never behind what the namespace has seen (a failover may go back)
-- uses: keys
local clock = {}
function clock.begin()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local mark = tonumber(redis.call('HGET', keys.meta, 'clock') or 0)
  clock.now = math.max(now, mark)  --@clock-mark
end

-- remember the time, so that an older clock cannot turn it back; done by beats and `fire`
function clock.keep()
  redis.call('HSET', keys.meta, 'clock', string.format('%.0f', clock.now))
end

-- clock: the one source of time: Redis TIME in ms, never behind what the namespace has seen (a failover may go back)
--
-- Where the namespace has seen a time that is far ahead, the clock of Redis was wrong: the namespace's is set back.
-- uses: keys
local clock = {}
function clock.begin()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local mark = tonumber(redis.call('HGET', keys.meta, 'clock') or 0)
  clock.set_back = mark - now > limits.CLOCK_AHEAD_MS and mark - now
  clock.now = clock.set_back and now or math.max(now, mark)  --@clock-mark
end

-- remember the time, so that an older clock cannot turn it back; done by beats and `fire`
function clock.keep()
  if clock.set_back then
    redis.call('HSET', keys.meta, 'set_back', string.format('%.0f', clock.set_back),
      'set_back_at', string.format('%.0f', clock.now))
  end
  redis.call('HSET', keys.meta, 'clock', string.format('%.0f', clock.now))
end

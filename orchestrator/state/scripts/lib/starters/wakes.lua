-- wakes: the timer that wakes a scheduler for what waits at a starter: it stands whenever something may start
-- uses: keys clock timers starters
local wakes = {}

local LONGEST_WAIT = 10  -- times its length, which what debounces waits at most: a steady stream is not for ever

-- when the delivery that waits first (0) or last (-1) came
local function came(s, at)
  return redis.call('HGET', keys.delivery(redis.call('LINDEX', keys.waiting(s.id), at)), 'at')
end

-- when what waits may start: a batch that is not full by its first delivery, what debounces by its last
function wakes.ripe(s, waiting)
  if s.wait == 0 or waiting >= starters.group(s) then return clock.now end
  local ripe = (came(s, 0) or 0) + s.wait * (s.size > 0 and 1 or LONGEST_WAIT)
  if s.size == 0 then ripe = math.min(ripe, (came(s, -1) or 0) + s.wait) end
  return math.max(ripe, clock.now)
end

-- something has changed: what waits, what lives, or the starter itself
function wakes.arm(s)
  local waiting = starters.waiting(s)
  if waiting == 0 or not s.enabled or starters.room(s) <= 0 then
    timers.drop('slot', s.id)
  else
    timers.set('slot', s.id, wakes.ripe(s, waiting))
  end
end

-- start_timers: the timer that wakes a scheduler for what waits at a starter: it stands whenever something may start
-- uses: keys clock timers starters
local start_timers = {}

-- when the delivery that waits first (0) or last (-1) came
local function came(starter, at)
  return redis.call('HGET', keys.delivery(redis.call('LINDEX', keys.waiting(starter.id), at)), 'at')
end

-- when what waits may start: a batch that is not full by its first delivery, what debounces by its last
function start_timers.ripe(starter, waiting)
  if starter.wait == 0 or waiting >= starters.group(starter) then return clock.now end
  local ripe = (came(starter, 0) or 0) + starter.wait * (starter.size > 0 and 1 or limits.LONGEST_DEBOUNCE)
  if starter.size == 0 then ripe = math.min(ripe, (came(starter, -1) or 0) + starter.wait) end  --@debounce
  return math.max(ripe, clock.now)
end

-- something has changed: what waits, what lives, or the starter itself
function start_timers.arm(starter)
  local waiting = starters.waiting(starter)
  if waiting == 0 or not starter.enabled or starters.room(starter) <= 0 then  --@arm
    timers.drop('room', starter.id)
  else
    timers.set('room', starter.id, start_timers.ripe(starter, waiting))
  end
end

-- start_timers: while a waiting occasion may start, the timer `room` stands and wakes a scheduler
-- uses: keys clock timers starters
local start_timers = {}

-- return when the delivery came that waits first (0) or last (-1)
local function came(starter, at)
  return redis.call('HGET', keys.delivery(redis.call('LINDEX', keys.waiting(starter.id), at)), 'at')
end

-- return when the waiting occasions may start: an incomplete batch by its first delivery, a debounced group by its last
function start_timers.ripe(starter, waiting)
  if starter.wait == 0 or waiting >= starters.group(starter) then return clock.now end
  local ripe = (came(starter, 0) or 0) + starter.wait * (starter.size > 0 and 1 or limits.LONGEST_DEBOUNCE)
  if starter.size == 0 then ripe = math.min(ripe, (came(starter, -1) or 0) + starter.wait) end  --@debounce
  return math.max(ripe, clock.now)
end

-- set or drop the timer, after a change of the waiting occasions, the living runs or the starter itself
function start_timers.arm(starter)
  local waiting = starters.waiting(starter)
  if waiting == 0 or not starter.enabled or starters.room(starter) <= 0 then  --@arm
    timers.drop('room', starter.id)
  else
    timers.set('room', starter.id, start_timers.ripe(starter, waiting))
  end
end

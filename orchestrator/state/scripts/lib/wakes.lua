-- wakes: the timer that wakes a scheduler for what waits at a starter: it stands whenever something may start
-- uses: keys clock timers starters
local wakes = {}

-- when what waits may start: a batch that is not full by its first delivery, what debounces by its last
function wakes.ripe(s, waiting)
  if s.wait == 0 or (s.size > 0 and waiting >= s.size) then return clock.now end
  local delivery = redis.call('LINDEX', keys.waiting(s.id), s.size > 0 and 0 or -1)
  return math.max((redis.call('HGET', keys.delivery(delivery), 'at') or 0) + s.wait, clock.now)
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

-- starters: schedules, triggers and backfills: how many of their runs may live, and what waits for room
-- uses: keys clock timers
local starters = {MOST = 10000}  -- occasions that wait
local PARTS = {'kind', 'gen', 'enabled', 'next', 'overlap', 'limit', 'gated', 'gate', 'log', 'wait_ms', 'size', 'need',
  'within_ms', 'paused'}

function starters.load(id)
  local f = redis.call('HMGET', keys.starter(id), unpack(PARTS))
  if not f[1] then return nil end
  return {
    id = id, key = keys.starter(id), kind = f[1], gen = tonumber(f[2]), next = f[4], overlap = f[5], log = f[9],
    enabled = f[3] == '1' and not f[14], limit = tonumber(f[6]), gated = f[7] == '1', gate = tonumber(f[8] or nil),
    wait = tonumber(f[10]), size = tonumber(f[11]), need = tonumber(f[12]), within = tonumber(f[13]),
  }
end

function starters.waiting(s) return redis.call('LLEN', keys.waiting(s.id)) end
function starters.head(s) return redis.call('LINDEX', keys.waiting(s.id), 0) end

-- how many more of its runs may live; none while a run that it depends on has not succeeded
function starters.room(s)
  if s.gated and s.gate and s.gate ~= state.succeeded then return 0 end
  return s.limit == 0 and math.huge or s.limit - redis.call('SCARD', keys.living(s.id))
end

-- what its overlap policy makes of a new occasion: start, wait, skip or replace
function starters.verdict(s)
  local waiting = starters.waiting(s)
  if starters.room(s) > waiting then return 'start' end
  if s.overlap == 'cancel_old' then return 'replace' end
  local most = s.overlap == 'queue_all' and starters.MOST or s.overlap == 'queue_one' and 1 or 0
  return waiting < most and 'wait' or 'skip'
end

-- the next planned time: when `schedule` is due again, or nothing
function starters.plan(s, next, due)
  redis.call('HSET', s.key, 'next', next)
  if next == '' then
    redis.call('ZREM', keys.agenda, s.id)
    timers.drop('schedule', s.id)
  else
    redis.call('ZADD', keys.agenda, due, s.id)
    timers.set('schedule', s.id, due)
  end
end

-- something was taken from what waits: the timer that led to it is over
function starters.rearm(s)
  timers.drop('slot', s.id)
  starters.arm(s)
end

-- let `slot` be due as soon as what waits may start; `fresh` tells that something came in just now
function starters.arm(s, fresh)
  local waiting = starters.waiting(s)
  if waiting == 0 or not s.enabled or starters.room(s) <= 0 then timers.drop('slot', s.id)
  elseif s.wait == 0 or (s.size > 0 and waiting >= s.size) then timers.set('slot', s.id, clock.now)
  elseif s.size == 0 and fresh then timers.set('slot', s.id, clock.now + s.wait)  -- debounce: it is quiet so long
  else timers.want('slot', s.id, clock.now + s.wait) end
end

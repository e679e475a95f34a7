-- starters: schedules, triggers and backfills: how many of their runs may live, what waits, and what is planned
-- uses: keys timers
local starters = {MOST = 10000}  -- occasions that wait
local TOGETHER = 1000            -- deliveries that one run is for at most.  Twin: scheduling/starts.py
local PARTS = {'kind', 'gen', 'enabled', 'next', 'overlap', 'limit', 'gated', 'gate', 'log', 'wait_ms', 'size', 'need',
  'within_ms', 'paused'}

function starters.load(id)
  local f = redis.call('HMGET', keys.starter(id), unpack(PARTS))
  if not f[1] then return nil end
  return {
    id = id, key = keys.starter(id), kind = f[1], gen = tonumber(f[2]), next = f[4], overlap = f[5], log = f[9],
    defined = f[3] == '1', enabled = f[3] == '1' and not f[14],  -- as it is written, and as long as it is not paused
    limit = tonumber(f[6]), gated = f[7] == '1', gate = tonumber(f[8] or nil),
    wait = tonumber(f[10]), size = tonumber(f[11]), need = tonumber(f[12]), within = tonumber(f[13]),
  }
end

function starters.waiting(s) return redis.call('LLEN', keys.waiting(s.id)) end
function starters.head(s) return redis.call('LINDEX', keys.waiting(s.id), 0) end

-- how many occasions make one run together, where it gathers them
function starters.group(s)
  if s.need > 0 then return s.need end
  if s.size > 0 then return s.size end
  return s.wait > 0 and TOGETHER or 1
end

-- whether a run that the next depends on has not succeeded
function starters.closed(s) return s.gated and s.gate and s.gate ~= state.succeeded end

-- how many more of its runs may live
function starters.room(s)
  if starters.closed(s) then return 0 end
  return s.limit == 0 and math.huge or s.limit - redis.call('SCARD', keys.living(s.id))
end

-- the next planned time: when `schedule` is due again, or nothing
function starters.plan(s, next, due)
  redis.call('HSET', s.key, 'next', next, 'due', due)
  if next == '' then
    redis.call('ZREM', keys.agenda, s.id)
    timers.drop('schedule', s.id)
  else
    redis.call('ZADD', keys.agenda, due, s.id)
    timers.set('schedule', s.id, due)
  end
end

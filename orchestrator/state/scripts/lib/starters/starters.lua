-- starters: schedules, triggers and backfills: how many of their runs may live, what waits, and what is planned
-- uses: keys timers
local starters = {}
local PARTS = {
  'kind', 'generation', 'enabled', 'next', 'overlap', 'limit', 'depends_on_past', 'last_end', 'log', 'wait_ms', 'size',
  'need', 'within_ms', 'paused',
}

function starters.load(id)
  local f = redis.call('HMGET', keys.starter(id), unpack(PARTS))
  if not f[1] then return nil end
  return {
    id = id, key = keys.starter(id), kind = f[1], generation = tonumber(f[2]), next = f[4], overlap = f[5], log = f[9],
    defined = f[3] == '1', enabled = f[3] == '1' and not f[14],  -- as it is written, and as long as it is not paused
    limit = tonumber(f[6]), depends_on_past = f[7] == '1', last_end = tonumber(f[8] or nil),
    wait = tonumber(f[10]), size = tonumber(f[11]), need = tonumber(f[12]), within = tonumber(f[13]),
  }
end

-- the starter, or nil if its caller thinks of another generation of it
function starters.fenced(id, generation)
  local starter = starters.load(id)
  return starter and starter.generation == generation and starter or nil  --@fence
end

function starters.waiting(starter) return redis.call('LLEN', keys.waiting(starter.id)) end
function starters.head(starter) return redis.call('LINDEX', keys.waiting(starter.id), 0) end

-- how many occasions make one run together, where it gathers them
function starters.group(starter)
  if starter.need > 0 then return starter.need end
  if starter.size > 0 then return starter.size end
  return starter.wait > 0 and limits.MOST_TOGETHER or 1
end

-- whether a run that the next depends on has not succeeded
function starters.closed(starter)
  return starter.depends_on_past and starter.last_end and starter.last_end ~= state.succeeded
end

-- how many more of its runs may live
function starters.room(starter)
  if starters.closed(starter) then return 0 end  --@room-closed
  return starter.limit == 0 and math.huge or starter.limit - redis.call('SCARD', keys.living(starter.id))
end

-- the next planned time: when `schedule` is due again, or nothing
function starters.plan(starter, next, due)
  redis.call('HSET', starter.key, 'next', next, 'due', due)  --@plan-due
  if next == '' then
    redis.call('ZREM', keys.agenda, starter.id)
    timers.drop('schedule', starter.id)
  else
    redis.call('ZADD', keys.agenda, due, starter.id)
    timers.set('schedule', starter.id, due)
  end
end

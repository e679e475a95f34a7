-- starters: the record of a schedule, trigger or backfill: its living runs, waiting occasions and next planned time
-- uses: keys timers
local starters = {}
local PARTS = {
  'kind', 'generation', 'enabled', 'next', 'overlap', 'limit', 'depends_on_past', 'last_end', 'log', 'wait_ms', 'size',
  'need', 'within_ms', 'paused',
}

function starters.load(id)
  local found = redis.call('HMGET', keys.starter(id), unpack(PARTS))
  if not found[1] then return nil end
  -- `defined` is what the definition says; a starter that is paused is not `enabled`
  local defined, paused = found[3] == '1', found[14]
  return {
    id = id, key = keys.starter(id), kind = found[1], generation = tonumber(found[2]),
    defined = defined, enabled = defined and not paused, next = found[4], log = found[9],
    overlap = found[5], limit = tonumber(found[6]), depends_on_past = found[7] == '1',
    last_end = tonumber(found[8] or nil), wait = tonumber(found[10]), size = tonumber(found[11]),
    need = tonumber(found[12]), within = tonumber(found[13]),
  }
end

-- return the starter, or nil if the caller knows another generation of it
function starters.fenced(id, generation)
  local starter = starters.load(id)
  return starter and starter.generation == generation and starter or nil  --@fence
end

function starters.waiting(starter) return redis.call('LLEN', keys.waiting(starter.id)) end
function starters.head(starter) return redis.call('LINDEX', keys.waiting(starter.id), 0) end

-- return the number of occasions that make one run together
function starters.group(starter)
  if starter.need > 0 then return starter.need end
  if starter.size > 0 then return starter.size end
  return starter.wait > 0 and limits.MOST_TOGETHER or 1
end

-- return whether the next run depends on one that did not succeed
function starters.closed(starter)
  return starter.depends_on_past and starter.last_end and starter.last_end ~= state.succeeded
end

-- return how many more of its runs may live
function starters.room(starter)
  if starters.closed(starter) then return 0 end  --@room-closed
  return starter.limit == 0 and math.huge or starter.limit - redis.call('SCARD', keys.living(starter.id))
end

-- store the next planned time and when it is due, or '' for none, and set the timer `schedule`
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

-- starter_edits: what an edit of a starter's record entails: its generation, its timers, and its waiting occasions
-- uses: keys clock timers starters start_timers journal
local starter_edits = {}

-- after its record was written: give the starter a new generation, and set its timers as the record says
function starter_edits.edited(id)
  local key = keys.starter(id)
  -- the number of edits: a generation that the starter never had before
  redis.call('HSET', key, 'generation', redis.call('HGET', keys.meta, 'edits'))  --@edit-generation
  redis.call('HSETNX', key, 'created', clock.now)
  local starter, more = starters.load(id), redis.call('HMGET', key, 'due', 'poll_ms')
  starters.plan(starter, starter.enabled and starter.next or '', tonumber(more[1]))
  start_timers.arm(starter)
  if starter.enabled and tonumber(more[2]) > 0 then timers.want('poll', id, clock.now) else timers.drop('poll', id) end
end

-- before its record is written: record a due planned time that the new record passes over as skipped
function starter_edits.overtaken(id, next)
  local starter = starters.load(id)
  if not starter or not starter.enabled or not starter.next or starter.next == '' then return end
  if next ~= '' and tonumber(next) <= tonumber(starter.next) then return end
  if tonumber(starter.next) > clock.now then return end
  journal.note(starter, starter.next, 'skipped', 'its schedule was changed before it started')
end

-- drop the waiting occasions; return how many there were
function starter_edits.let_go(id, kind)
  local waiting = redis.call('LRANGE', keys.waiting(id), 0, -1)
  if kind == 'trigger' then
    for _, delivery in ipairs(waiting) do redis.call('HSET', keys.delivery(delivery), 's:' .. id, 'cleared') end
  end
  redis.call('DEL', keys.waiting(id))
  return #waiting
end

function starter_edits.clear(id)
  local kind = redis.call('HGET', keys.starter(id), 'kind')
  if not kind then return end
  redis.call('HINCRBY', keys.starter(id), 'cleared', starter_edits.let_go(id, kind))
  starter_edits.edited(id)
end

-- starter_edits: what follows when the record of a schedule or trigger is written, or what waits at it is dropped
-- uses: keys clock timers starters start_timers journal
local starter_edits = {}

-- the record was written: its generation is a new one, and its timers stand as it says
function starter_edits.edited(id)
  local key = keys.starter(id)
  -- never a generation that it had before
  redis.call('HSET', key, 'generation', redis.call('HGET', keys.meta, 'edits'))  --@edit-generation
  redis.call('HSETNX', key, 'created', clock.now)
  local starter, more = starters.load(id), redis.call('HMGET', key, 'due', 'poll_ms')
  starters.plan(starter, starter.enabled and starter.next or '', tonumber(more[1]))
  start_timers.arm(starter)
  if starter.enabled and tonumber(more[2]) > 0 then timers.want('poll', id, clock.now) else timers.drop('poll', id) end
end

-- its record is about to be written: a planned time that has come would be forgotten where the next is a later one
function starter_edits.overtaken(id, next)
  local starter = starters.load(id)
  if not starter or not starter.enabled or not starter.next or starter.next == '' then return end
  if next ~= '' and tonumber(next) <= tonumber(starter.next) then return end
  if tonumber(starter.next) > clock.now then return end
  journal.note(starter, starter.next, 'skipped', 'its schedule was changed before it started')
end

-- what waits makes no run any more; gives how much that was
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

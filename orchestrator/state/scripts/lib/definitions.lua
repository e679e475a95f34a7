-- definitions: workflows, schedules, triggers and calendars, changed one by one.  Twin: state/definitions.py
-- uses: keys clock timers starters flows
local definitions = {KEPT = 200}  -- revisions that can be gone back to
local LISTS = {schedule = 'schedules', trigger = 'triggers', backfill = 'backfills'}

-- split ops into lists of texts: kind, then its fields; each text and each list with its length before it
function definitions.read(packed)
  local ops, at = {}, 1
  while at <= #packed do
    local count, start = struct.unpack('>I2', packed, at)
    local op = {}
    at = start
    for i = 0, count - 1 do
      local length, from = struct.unpack('>I4', packed, at)
      at = from + length
      if i == 0 then op.kind = string.sub(packed, from, at - 1) else op[i] = string.sub(packed, from, at - 1) end
    end
    ops[#ops + 1] = op
  end
  return ops
end

-- whether the starter is still as its editor saw it: '' for any, 0 for none, else its generation
function definitions.current(op)
  return op[2] == '' or (redis.call('HGET', keys.starter(op[1]), 'gen') or '0') == op[2]
end

local put = {}
function put.starter(op)
  local id, key = op[1], keys.starter(op[1])
  redis.call('HSET', key, unpack(op, 3))
  redis.call('HINCRBY', key, 'gen', 1)
  redis.call('HSETNX', key, 'created', clock.now)
  local s = starters.load(id)
  local more = redis.call('HMGET', key, 'due', 'poll_ms', 'token')
  redis.call('SADD', keys[LISTS[s.kind]], id)
  starters.plan(s, s.enabled and s.next or '', tonumber(more[1]))
  starters.arm(s)
  if s.enabled and tonumber(more[2]) > 0 then timers.want('poll', id, clock.now) else timers.drop('poll', id) end
  if more[3] ~= '' then redis.call('HSET', keys.hooks, more[3], id) end
end
function put.drop(op)
  local id = op[1]
  local known = redis.call('HMGET', keys.starter(id), 'kind', 'token')
  if not known[1] then return end
  redis.call('SREM', keys[LISTS[known[1]]], id)
  redis.call('ZREM', keys.agenda, id)
  for _, kind in ipairs({'schedule', 'slot', 'poll'}) do timers.drop(kind, id) end
  if known[2] ~= '' then redis.call('HDEL', keys.hooks, known[2]) end
  redis.call('UNLINK', keys.starter(id), keys.waiting(id), keys.living(id), keys.past(id), keys.heard(id))
end
function put.wait(op) redis.call('RPUSH', keys.waiting(op[1]), unpack(op, 2)) end
function put.flow(op) flows.seal(op[1], op[2]) end
function put.unflow(op) flows.retire(op[1]) end
function put.calendar(op) redis.call('HSET', keys.calendars, op[1], op[2]) end
function put.uncalendar(op) redis.call('HDEL', keys.calendars, op[1]) end
function put.watch(op) redis.call('SADD', keys.watched, op[1]) end
function definitions.put(op) put[op.kind](op) end

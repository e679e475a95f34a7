-- definitions: workflows, schedules, triggers and calendars, changed one by one.  Twin: state/definitions.py
-- uses: keys timers pauses flows
local definitions = {KEPT = 200}  -- revisions that can be gone back to
local LISTS = {schedule = 'schedules', trigger = 'triggers', backfill = 'backfills'}
local SLICE = 1000  -- `unpack` takes no more than 8,000

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

-- whether the starter is still as its editor saw it: '' for any, 0 for none, else its generation, or that and `next`
local EDITS = {starter = true, drop = true, pause = true, resume = true, clear = true}
function definitions.current(op)
  if not EDITS[op.kind] or op[2] == '' then return true end
  local known = redis.call('HMGET', keys.starter(op[1]), 'gen', 'next')
  local gen = known[1] or '0'
  return op[2] == gen or op[2] == gen .. ' ' .. (known[2] or '')
end

local put = {}
function put.starter(op)
  local id, key = op[1], keys.starter(op[1])
  local before = redis.call('HMGET', key, 'kind', 'token', 'spec')
  local given = {}
  for i = 3, #op, 2 do given[op[i]] = op[i + 1] end
  pauses.overtaken(id, given.next)
  redis.call('HSET', key, unpack(op, 3))
  if before[1] and before[1] ~= given.kind then redis.call('SREM', keys[LISTS[before[1]]], id) end
  if before[2] and before[2] ~= given.token then redis.call('HDEL', keys.hooks, before[2]) end
  if before[3] ~= given.spec then redis.call('DEL', keys.heard(id)) end  -- of other datasets, it may be
  pauses.edited(id)
  redis.call('SADD', keys[LISTS[given.kind]], id)
  if given.token ~= '' then redis.call('HSET', keys.hooks, given.token, id) end
end
function put.pause(op) pauses.pause(op[1]) end
function put.resume(op) pauses.resume(op[1], op[3], op[4]) end
function put.clear(op) pauses.clear(op[1]) end
function put.drop(op)
  local id, known = op[1], redis.call('HMGET', keys.starter(op[1]), 'kind', 'token')
  if not known[1] then return end
  redis.call('SREM', keys[LISTS[known[1]]], id)
  redis.call('ZREM', keys.agenda, id)
  for _, kind in ipairs({'schedule', 'slot', 'poll'}) do timers.drop(kind, id) end
  if known[2] ~= '' then redis.call('HDEL', keys.hooks, known[2]) end
  redis.call('UNLINK', keys.starter(id), keys.waiting(id), keys.living(id))
  redis.call('UNLINK', keys.past(id), keys.heard(id), keys.seen(id))
end
function put.wait(op)
  for at = 2, #op, SLICE do redis.call('RPUSH', keys.waiting(op[1]), unpack(op, at, math.min(at + SLICE - 1, #op))) end
end
function put.flow(op) flows.seal(op[1], op[2]) end
function put.unflow(op) flows.retire(op[1]) end
function put.calendar(op) redis.call('HSET', keys.calendars, op[1], op[2]) end
function put.uncalendar(op) redis.call('HDEL', keys.calendars, op[1]) end
function put.watch(op) redis.call('SADD', keys.watched, op[1]) end
function definitions.put(op) put[op.kind](op) end

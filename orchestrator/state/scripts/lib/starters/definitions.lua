-- definitions: change workflows, schedules, triggers and calendars: one function for each kind of change
-- uses: keys timers dataset_joins pauses starter_edits workflows
local definitions = {}
local LISTS = {schedule = 'schedules', trigger = 'triggers', backfill = 'backfills'}

local put = {}
function put.starter(op)
  local id, key = op[1], keys.starter(op[1])
  local before = redis.call('HMGET', key, 'kind', 'token', 'spec')
  local given = {}
  for i = 3, #op, 2 do given[op[i]] = op[i + 1] end
  starter_edits.overtaken(id, given.next)  --@edit-overtaken
  redis.call('HSET', key, unpack(op, 3))
  if before[1] and before[1] ~= given.kind then redis.call('SREM', keys[LISTS[before[1]]], id) end
  if before[2] and before[2] ~= given.token then redis.call('HDEL', keys.hooks, before[2]) end  --@edit-token
  if before[3] ~= given.spec then dataset_joins.clear(id) end  -- of other datasets, it may be  --@edit-joins
  starter_edits.edited(id)
  redis.call('SADD', keys[LISTS[given.kind]], id)
  if given.token ~= '' then redis.call('HSET', keys.hooks, given.token, id) end
end
function put.pause(op) pauses.pause(op[1]) end
function put.resume(op) pauses.resume(op[1], op[3], op[4]) end
function put.clear(op) starter_edits.clear(op[1]) end
function put.drop(op)
  local id, known = op[1], redis.call('HMGET', keys.starter(op[1]), 'kind', 'token')
  if not known[1] then return end
  redis.call('SREM', keys[LISTS[known[1]]], id)
  redis.call('ZREM', keys.agenda, id)
  for _, kind in ipairs({'schedule', 'room', 'poll'}) do timers.drop(kind, id) end
  if known[2] ~= '' then redis.call('HDEL', keys.hooks, known[2]) end
  starter_edits.let_go(id, known[1])
  dataset_joins.clear(id)
  redis.call('UNLINK', keys.starter(id), keys.living(id), keys.journal(id), keys.seen(id))
end
function put.wait(op)
  for at = 2, #op, limits.MOST_ARGUMENTS do
    redis.call('RPUSH', keys.waiting(op[1]), unpack(op, at, math.min(at + limits.MOST_ARGUMENTS - 1, #op)))
  end
end
function put.workflow(op) workflows.register(op[1], op[2], workflows.seal(op[1], op[2])) end
function put.unworkflow(op) workflows.retire(op[1]) end
function put.calendar(op) redis.call('HSET', keys.calendars, op[1], op[2]) end
function put.uncalendar(op) redis.call('HDEL', keys.calendars, op[1]) end
function put.watch(op) redis.call('SADD', keys.watched, op[1]) end
function definitions.put(op) put[op.kind](op) end

-- fire: due timers are applied: a timer's transition and its removal are one step.
--
-- A timer whose work needs Python (the next planned time, a poll) is handed to the calling scheduler, and is due again
-- a little later, in case that the scheduler dies. The scheduler's own transition ends it.
--
-- args:
-- returns:  fired count permits now_ms next_due_ms handed
-- moves:    retrying->queued parked->queued
-- keeps:    1 4 5 6
-- uses:     keys clock timers plans runs attempts starting tasks ready requested_end permits
-- cost:     at most `limits.MOST_FIRED` timers
local SOON = limits.HANDED_MS
local HANDED_MS = {schedule = SOON, room = SOON, delivery = SOON, ended = SOON, poll = limits.POLL_HANDED_MS}

local apply = {}
function apply.retry(ref)
  local run, record, current = attempts.load(ref)
  if not current or (record.state ~= job.retrying and record.state ~= job.parked) then return end  --@fire-fence
  if not starting.may_start(run, record) then return end  --@fire-may-start
  local entry = plans.job(run.plan, record.index)
  local task = record.state == job.parked and tasks.of(entry)
  if task and not tasks.known_on(plans.route(entry), task) then
    return timers.set('retry', ref, clock.now + limits.UNKNOWN_TASK_MS)
  end
  ready.add(run, record, entry)
end
function apply.deadline(id)
  local run = runs.load(id)
  if run and not run.requested_end and run.state < state.succeeded then
    requested_end.request(run, state.timed_out, 'deadline', 'the run took longer than its deadline')
  end
end

-- writes (a removal first: with memory full, it goes through)
local due = redis.call('ZRANGEBYSCORE', keys.timers, '-inf', clock.now, 'LIMIT', 0, limits.MOST_FIRED)
local handed = {}
for _, timer in ipairs(due) do
  redis.call('ZREM', keys.timers, timer)  --@fire-removes
  local kind, ref = string.match(timer, '^(%a+)/(.*)$')
  if HANDED_MS[kind] then
    timers.set(kind, ref, clock.now + HANDED_MS[kind])  --@fire-ahead
    handed[#handed + 1], handed[#handed + 2] = kind, ref
  else
    apply[kind](ref)
  end
end
if #due > 0 then clock.keep() end
ready.flush()
runs.save()
local _, next_due = unpack(redis.call('ZRANGE', keys.timers, 0, 0, 'WITHSCORES'))
return {'fired', #due, permits.due(), clock.now, next_due or '', handed}

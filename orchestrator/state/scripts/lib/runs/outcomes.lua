-- outcomes: how an attempt ends, and what follows for its job
-- uses: keys clock refs timers records attempts starting decide
local outcomes = {}
local QUARANTINE = '{"type": "Quarantined", "message": "lost its worker %d times, so it is not tried again", '
  .. '"traceback": "", "bases": ["Quarantined"]}'
local UNKNOWN = '{"type": "NotRegistered", "message": "no node knows the task \'%s\'", "traceback": "", '
  .. '"bases": ["NotRegistered"]}'
local plain = {
  failed = job.failed, timed_out = job.timed_out, cancelled = job.cancelled, skipped = job.skipped,
}

local function again(run, r, to, delay)
  records.move(run, r, to)
  timers.set('retry', refs.of(run, r), clock.now + delay)
end

-- lost is not failed: it has a budget of its own, whatever the job's retries say
function outcomes.lost(run, r, delay, free)
  if not free then r.losses = r.losses + 1 end
  records.move(run, r, job.lost)
  if not starting.may_start(run, r) then
    records.move(run, r, job.cancelled)
  elseif r.losses < limits.LOST_BUDGET then
    again(run, r, job.retrying, delay)
  else
    r.flags = limits.QUARANTINED
    records.move(run, r, job.failed)
    redis.call('HSET', keys.errors(run.id), r.index, string.format(QUARANTINE, r.losses))
    decide.ended(run, r, 0)
  end
end

-- no live node knows its task: it is asked again now and then, without an attempt of its own
function outcomes.unknown(run, r, task)
  local name = string.gsub(task, '[%c"\\]', function(char) return string.format('\\u%04x', string.byte(char)) end)
  redis.call('HSET', keys.errors(run.id), r.index, string.format(UNKNOWN, name))
  again(run, r, job.parked, limits.UNKNOWN_TASK_MS)
end

-- `payload` is the output of an `ok`, else the error
function outcomes.apply(run, r, outcome, payload, delay)
  if outcome == 'lost' or outcome == 'returned' then return outcomes.lost(run, r, delay, outcome == 'returned') end
  if outcome == 'ok' then
    records.move(run, r, job.succeeded)
    if payload ~= '' then redis.call('HSET', keys.outputs(run.id), r.index, payload) end
    if r.attempt > 1 then redis.call('HDEL', keys.errors(run.id), r.index) end
    return decide.ended(run, r, 0)
  end
  if payload ~= '' then redis.call('HSET', keys.errors(run.id), r.index, payload) end
  if outcome == 'retry' and starting.may_start(run, r) then
    r.retries = r.retries + 1
    return again(run, r, job.retrying, delay)
  elseif outcome == 'unknown' and starting.may_start(run, r) then
    return again(run, r, job.parked, delay)
  end
  records.move(run, r, plain[outcome] or job.failed)
  decide.ended(run, r, 0)
end

-- the attempt that a closed or silent slot held, if it is still the current one
function outcomes.lose(ref, free)
  local run, r, current = attempts.load(ref)
  if not current or r.state ~= job.running then return 0 end
  outcomes.lost(run, r, free and 0 or 1000 * (2 ^ r.losses - 1), free)
  return 1
end

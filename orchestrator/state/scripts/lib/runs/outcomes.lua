-- outcomes: apply an attempt's outcome: its job ends, is tried again, or is parked
-- uses: keys clock refs timers records attempts starting decide
local outcomes = {}
local QUARANTINE = '{"type": "Quarantined", "message": "lost its worker %d times, so it is not tried again", '
  .. '"traceback": "", "bases": ["Quarantined"]}'
local UNKNOWN = '{"type": "NotRegistered", "message": "no node knows the task \'%s\'", "traceback": "", '
  .. '"bases": ["NotRegistered"]}'
local plain = {
  failed = job.failed, timed_out = job.timed_out, cancelled = job.cancelled, skipped = job.skipped,
}

local function again(run, record, to, delay)
  records.move(run, record, to)
  timers.set('retry', refs.of(run, record), clock.now + delay)
end

-- A lost attempt has not failed: losses have a budget of their own, apart from the job's retries. `free` spends none.
function outcomes.lost(run, record, delay, free)
  if not free then
    record.losses = record.losses + 1
    local key, field = keys.errors(run.id), 'lost:' .. record.index
    local line = record.attempt .. ' ' .. record.node .. '\n'
    redis.call('HSET', key, field, (redis.call('HGET', key, field) or '') .. line)
  end
  records.move(run, record, job.lost, record.node)
  if not starting.may_start(run, record) then
    records.move(run, record, job.cancelled)
  elseif record.losses < limits.LOST_BUDGET then  --@lost-budget
    again(run, record, job.retrying, delay)
  else
    record.flags = limits.QUARANTINED
    records.move(run, record, job.failed)
    redis.call('HSET', keys.errors(run.id), record.index, string.format(QUARANTINE, record.losses))
    decide.ended(run, record, 0)  --@lost-end
  end
end

-- park an attempt whose task no live node knows; a timer looks again, and no attempt is spent
function outcomes.unknown(run, r, task)
  local name = string.gsub(task, '[%c"\\]', function(char) return string.format('\\u%04x', string.byte(char)) end)
  redis.call('HSET', keys.errors(run.id), r.index, string.format(UNKNOWN, name))
  again(run, r, job.parked, limits.UNKNOWN_TASK_MS)
end

-- `payload` is the output for the outcome `ok`, else the error
function outcomes.apply(run, record, outcome, payload, delay)
  if outcome == 'lost' then return outcomes.lost(run, record, delay, false) end
  if outcome == 'returned' and payload ~= '' then redis.call('HSET', keys.errors(run.id), record.index, payload) end
  if outcome == 'returned' then return outcomes.lost(run, record, delay, true) end  --@returned-free
  if outcome == 'ok' then
    records.move(run, record, job.succeeded)
    if payload ~= '' then redis.call('HSET', keys.outputs(run.id), record.index, payload) end
    if record.attempt > 1 then redis.call('HDEL', keys.errors(run.id), record.index) end  --@ok-error
    return decide.ended(run, record, 0)
  end
  if payload ~= '' then redis.call('HSET', keys.errors(run.id), record.index, payload) end
  if outcome == 'retry' and starting.may_start(run, record) then
    record.retries = record.retries + 1
    return again(run, record, job.retrying, delay)
  elseif outcome == 'unknown' and starting.may_start(run, record) then
    return again(run, record, job.parked, delay)
  end
  records.move(run, record, plain[outcome] or job.failed)
  decide.ended(run, record, 0)
end

-- lose the attempt of a closed or silent slot if it is still current and running; return the number of lost attempts
function outcomes.lose(ref, free)
  local run, record, current = attempts.load(ref)
  if not current or record.state ~= job.running then return 0 end
  outcomes.lost(run, record, free and 0 or 1000 * (2 ^ record.losses - 1), free)
  return 1
end

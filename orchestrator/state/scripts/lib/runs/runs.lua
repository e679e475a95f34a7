-- runs: every script loads the record of a run first, and saves it once at the end
-- uses: keys clock transitions records followers run_end
local runs = {}
local TALLY = limits.TALLY
local FIELDS = {
  'plan', 'state', 'requested_end', 'class', 'created', 'total', 'counts', 'n', 'workflow', 'starter', 'occasion',
}
local loaded
function runs.begin() loaded = {} end

-- return the run, or nil if it is missing: a script writes nothing for a missing run
function runs.load(id)
  if loaded[id] then return loaded[id] end
  local found = redis.call('HMGET', keys.run(id), unpack(FIELDS))
  if not found[1] then return nil end
  local run = {
    id = id, key = keys.run(id), plan = found[1], state = tonumber(found[2]), requested_end = tonumber(found[3] or nil),
    class = tonumber(found[4]), created = tonumber(found[5]), total = tonumber(found[6]), n = tonumber(found[8]),
    workflow = found[9], starter = found[10], occasion = found[11], counts = {struct.unpack(TALLY, found[7])},
    records = {}, moved = {}, transitions = {},
  }
  run.counts[limits.JOB_STATES + 1] = nil  -- struct.unpack also returns where it stopped
  loaded[id] = run
  return run
end

function runs.no_counts(total)
  return struct.pack('>I3', total) .. string.rep('\0', 3 * (limits.JOB_STATES - 1))
end

-- move the run itself to another state
function runs.move(run, to, extra)
  transitions.add(run, limits.RUN_INDEX, 0, run.state, to, extra)
  run.state = to
end

-- end the run if it is over and its todo is empty
local function settle(run)
  if run.state >= state.succeeded or not run_end.is_over(run) then return end
  if redis.call('LLEN', keys.todo(run.id)) > 0 then return end  --@end-todo
  runs.move(run, run_end.of(run))
  redis.call('HSET', run.key, 'ended', clock.now)
  redis.call('ZREM', keys.live, run.id)
  redis.call('ZADD', keys.ended, clock.now, run.id)
  followers.run_ended(run)
end

-- store the changes of every run that this script loaded
function runs.save()
  for _, run in pairs(loaded) do
    if run.changed then
      settle(run)
      records.flush(run)
      transitions.flush(run)
      redis.call('HSET', run.key, 'state', run.state, 'n', run.n, 'counts', struct.pack(TALLY, unpack(run.counts)))
    end
  end
end

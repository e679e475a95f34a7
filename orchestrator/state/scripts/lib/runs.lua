-- runs: a run's own record: loaded first by every script, saved once at its end
-- uses: keys clock states events timers
local runs = {}
local COUNTS = '>' .. string.rep('I3', states.count)
local loaded = {}
local FIELDS = {'plan', 'state', 'wish', 'class', 'created', 'total', 'counts', 'n', 'workflow'}

-- the run, or nil: a script writes nothing for a run that is not there
function runs.load(id)
  if loaded[id] then return loaded[id] end
  local found = redis.call('HMGET', keys.run(id), unpack(FIELDS))
  if not found[1] then return nil end
  local run = {
    id = id, key = keys.run(id), plan = found[1], state = tonumber(found[2]), wish = tonumber(found[3] or nil),
    class = tonumber(found[4]), created = tonumber(found[5]), total = tonumber(found[6]), n = tonumber(found[8]),
    workflow = found[9], counts = {struct.unpack(COUNTS, found[7])}, records = {},
  }
  run.counts[states.count + 1] = nil  -- struct.unpack also returns where it stopped
  loaded[id] = run
  return run
end

function runs.no_counts(total)
  return struct.pack(COUNTS, total, unpack({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}))
end

-- the run itself moves on
function runs.move(run, to, extra)
  events.add(run, events.RUN, 0, run.state, to, extra)
  run.state = to
end

-- one of its jobs moves on: keep the tally
function runs.tally(run, from, to)
  run.counts[from + 1] = run.counts[from + 1] - 1
  run.counts[to + 1] = run.counts[to + 1] + 1
end

local function count_if(run, accept)
  local sum = 0
  for value = 0, states.count - 1 do
    if accept(value) then sum = sum + run.counts[value + 1] end
  end
  return sum
end
local function is_open(value) return value ~= job.waiting and not states.final(value) end

-- whether every job run is final; a wished end needs no job that still waits
local function is_over(run)
  if run.wish then return count_if(run, is_open) == 0 end
  return count_if(run, states.final) == run.total
end

local function verdict(run)
  if run.wish then return run.wish end
  local bad = run.counts[job.failed + 1] + run.counts[job.timed_out + 1] + run.counts[job.cancelled + 1]
  return bad > 0 and state.failed or state.succeeded
end

-- end the run if it is over and nothing is left in its todo
local function settle(run)
  if run.state >= state.succeeded or not is_over(run) or redis.call('LLEN', keys.todo(run.id)) > 0 then return end
  runs.move(run, verdict(run))
  redis.call('HSET', run.key, 'ended', clock.now)
  redis.call('ZREM', keys.live, run.id)
  redis.call('ZADD', keys.ended, clock.now, run.id)
  timers.drop('deadline', run.id)
end

-- store what changed in every run that this script loaded
function runs.save()
  for _, run in pairs(loaded) do
    if run.changed then
      settle(run)
      redis.call('HSET', run.key, 'state', run.state, 'n', run.n, 'counts', struct.pack(COUNTS, unpack(run.counts)))
    end
  end
end

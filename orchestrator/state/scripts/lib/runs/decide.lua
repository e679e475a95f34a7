-- decide: the only place that decides what a job's next state is once the jobs before it have ended
-- uses: keys states rules plans edges records ready starting todos
local decide = {}  -- `left`: how many jobs this script may still touch
local work
function decide.begin() decide.left, work = limits.SLICE, {} end

local RULE = 'all_success'  -- of every job

-- so many of a waiting job's parents have ended so far: move the job on if that decides it
local function move_on(run, index, parents, succeeded, failed, skipped)
  local to = rules.next_state(RULE, parents, succeeded, failed, skipped)
  if not to then return end
  local record = records.fresh(run, index)
  if to == job.queued then return ready.add(run, record, plans.job(run.plan, index)) end
  records.move(run, record, to)
  decide.ended(run, record, 0)
end

-- a job has ended: the jobs behind it are told, from its `offset`-th on
function decide.ended(run, record, offset)
  if not starting.may_start(run) or plans.job(run.plan, record.index).successors == 0 then return end
  work[#work + 1] = {run = run, index = record.index, weight = states.weight[record.state], offset = offset}
end

local function tell(item)
  local run, entry = item.run, plans.job(item.run.plan, item.index)
  local told = edges.successors(entry, item.offset, decide.left, function(index, in_degree)
    local counter = item.weight
    if in_degree > 1 then
      counter = redis.call('HINCRBY', keys.counters(run.id, keys.bucket(index)), index, item.weight)
    end
    move_on(run, index, in_degree, states.counts(counter))
  end)
  decide.left = decide.left - told  --@spread-cost
  if item.offset + told < entry.successors then
    todos.leave(run, 'spread ' .. item.index .. ' ' .. item.offset + told)
  end
end

-- tell as many as this script may; the rest is todo
function decide.spread()
  local at = 1
  while work[at] do
    if decide.left > 0 then tell(work[at])
    else todos.leave(work[at].run, 'spread ' .. work[at].index .. ' ' .. work[at].offset) end
    at = at + 1
  end
  work = {}
  ready.flush()
end

-- the jobs with nothing before them
function decide.roots(run, offset)
  local told, total = edges.roots(run.plan, offset, decide.left, function(index) move_on(run, index, 0, 0, 0, 0) end)
  decide.left = decide.left - told
  if offset + told < total then todos.leave(run, 'roots 0 ' .. offset + told) end
  ready.flush()
end

-- decide: when a job has ended, count it for each job behind it, and move on those that this decides
-- uses: keys states rules plans edges records ready starting todos
local decide = {}  -- `decide.left` is the number of jobs that this script may still touch
local work
function decide.begin() decide.left, work = limits.SLICE, {} end

local RULE = 'all_success'  -- of every job

-- move a waiting job on if the ends of its parents so far decide its next state
local function move_on(run, index, parents, succeeded, failed, skipped)
  local to = rules.next_state(RULE, parents, succeeded, failed, skipped)
  if not to then return end
  local record = records.fresh(run, index)
  if to == job.queued then return ready.add(run, record, plans.job(run.plan, index)) end
  records.move(run, record, to)
  decide.ended(run, record, 0)
end

-- note that a job has ended: `spread` counts it for the jobs behind it, from the `offset`-th of them on
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

-- count the noted ends for as many jobs as this script may touch, and leave the rest to `advance`
function decide.spread()
  local at = 1
  while work[at] do
    local item = work[at]
    if decide.left > 0 then
      tell(item)
    else
      todos.leave(item.run, 'spread ' .. item.index .. ' ' .. item.offset)
    end
    at = at + 1
  end
  work = {}
  ready.flush()
end

-- move on the jobs that have no parents, from the `offset`-th on
function decide.roots(run, offset)
  local told, total = edges.roots(run.plan, offset, decide.left, function(index) move_on(run, index, 0, 0, 0, 0) end)
  decide.left = decide.left - told
  if offset + told < total then todos.leave(run, 'roots 0 ' .. offset + told) end
  ready.flush()
end

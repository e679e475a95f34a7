-- verdicts: whether a run is over, and how it ended
-- uses: states
local verdicts = {}
local function count_if(run, accept)
  local sum = 0
  for value = 0, states.count - 1 do
    if accept(value) then sum = sum + run.counts[value + 1] end
  end
  return sum
end
local function is_open(value) return value ~= job.waiting and not states.final(value) end

-- whether every job run is final; a wished end needs no job that still waits
function verdicts.is_over(run)
  if run.wish then return count_if(run, is_open) == 0 end
  return count_if(run, states.final) == run.total
end

function verdicts.of(run)
  if run.wish then return run.wish end
  local bad = run.counts[job.failed + 1] + run.counts[job.timed_out + 1] + run.counts[job.cancelled + 1]
  return bad > 0 and state.failed or state.succeeded
end

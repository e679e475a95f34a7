-- run_end: the only place that knows whether a run is over, and its final state
-- uses: states
local run_end = {}

-- return whether every job run is final; after a requested end, waiting jobs count as final
function run_end.is_over(run)
  local final = 0
  for value in pairs(states.weight) do final = final + run.counts[value + 1] end
  if run.requested_end then return final + run.counts[job.waiting + 1] == run.total end  --@is-over
  return final == run.total
end

function run_end.of(run)
  if run.requested_end then return run.requested_end end
  local bad = run.counts[job.failed + 1] + run.counts[job.timed_out + 1] + run.counts[job.cancelled + 1]
  return bad > 0 and state.failed or state.succeeded
end

-- rules: which ends of its parents lead a waiting job to which state
local rules = {}

-- A rule is given the number of all parents, and of those that succeeded, failed and were skipped so far. It returns
-- the job's next state, or nil as long as it is open.
local next_state = {}

-- every parent succeeded; a failure, else a skip, goes on to the jobs behind
function next_state.all_success(parents, succeeded, failed, skipped)
  if succeeded + failed + skipped < parents then return nil end
  if failed > 0 then return job.upstream_failed end  --@all-success
  return skipped > 0 and job.skipped or job.queued
end

function rules.next_state(rule, ...) return next_state[rule](...) end

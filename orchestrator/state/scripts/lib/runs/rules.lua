-- rules: a trigger rule says which ends of its parents move a waiting job to which state
local rules = {}

-- A rule gets the number of parents, and how many of them succeeded, failed and were skipped so far. It returns the
-- job's next state, or nil while more ends are needed.
local next_state = {}

-- The job starts if every parent succeeded. It gets `upstream_failed` if one failed, else `skipped` if one was skipped.
function next_state.all_success(parents, succeeded, failed, skipped)
  if succeeded + failed + skipped < parents then return nil end
  if failed > 0 then return job.upstream_failed end  --@all-success
  return skipped > 0 and job.skipped or job.queued
end

function rules.next_state(rule, ...) return next_state[rule](...) end

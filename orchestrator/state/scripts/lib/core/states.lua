-- states: what the states of jobs mean for counting.  `job.NAME` and `state.NAME` are numbers that the linker puts in
local states = {count = 15}

-- an ended job adds this to the counter of each job behind it: three 17-bit counts in one integer
local SUCCEEDED, FAILED, SKIPPED = 1, 2 ^ 17, 2 ^ 34
states.weight = {
  [job.succeeded] = SUCCEEDED, [job.skipped] = SKIPPED, [job.failed] = FAILED, [job.timed_out] = FAILED,
  [job.cancelled] = FAILED, [job.upstream_failed] = FAILED,
}
function states.final(value) return states.weight[value] ~= nil end

-- split a counter into how many parents succeeded, failed, were skipped
function states.counts(counter)
  local succeeded = counter % FAILED
  local failed = math.floor(counter / FAILED) % FAILED
  return succeeded, failed, math.floor(counter / SKIPPED)
end

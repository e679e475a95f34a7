-- states: what the states of jobs mean for counting.  The linker puts in the number of each
local states = {}

-- an ended job adds this to the counter of each job behind it: three counts in one integer
local FAILED, SKIPPED = limits.FAILED_COUNT, limits.SKIPPED_COUNT
states.weight = {
  [job.succeeded] = 1, [job.skipped] = SKIPPED, [job.failed] = FAILED, [job.timed_out] = FAILED,
  [job.cancelled] = FAILED, [job.upstream_failed] = FAILED,
}
function states.final(value) return states.weight[value] ~= nil end

-- split a counter into how many parents succeeded, failed, were skipped
function states.counts(counter)
  local succeeded = counter % FAILED
  local failed = math.floor(counter / FAILED) % FAILED
  return succeeded, failed, math.floor(counter / SKIPPED)
end

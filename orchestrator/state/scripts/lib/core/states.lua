-- states: which states are final, and how an ended parent counts in the counters of the jobs behind it
local states = {}

-- An ended job adds its weight to the counter of each job behind it. A counter is three counts in one integer.
local FAILED, SKIPPED = limits.FAILED_COUNT, limits.SKIPPED_COUNT
states.weight = {
  [job.succeeded] = 1, [job.skipped] = SKIPPED, [job.failed] = FAILED, [job.timed_out] = FAILED,
  [job.cancelled] = FAILED, [job.upstream_failed] = FAILED,
}
function states.final(value) return states.weight[value] ~= nil end

-- split a counter into the numbers of parents that succeeded, failed and were skipped
function states.counts(counter)
  local succeeded = counter % FAILED
  local failed = math.floor(counter / FAILED) % FAILED
  return succeeded, failed, math.floor(counter / SKIPPED)
end

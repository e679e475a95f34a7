-- states: the numbers of model/states.py (a test compares them), and what they mean for counting
local job = {
  waiting = 0, queued = 1, running = 2, retrying = 3, succeeded = 4, failed = 5, timed_out = 6,
  cancelled = 7, skipped = 8, upstream_failed = 9, lost = 10, parked = 12,
}
local state = {queued = 0, running = 1, cancelling = 2, succeeded = 3, failed = 4, cancelled = 5, timed_out = 6}
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

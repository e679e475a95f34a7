-- starting: the only place that decides whether a job of a run may start
local starting = {}

-- return whether the job of this record (without one: any job) may start or be tried again: none after a requested end
function starting.may_start(run, _record) return not run.requested_end end

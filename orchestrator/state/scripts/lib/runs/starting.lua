-- starting: the only place that decides whether a job of a run may still start
local starting = {}

-- whether the job of this record, or any job where no record is given, may start (again): none in a run that is to end
function starting.may_start(run, _record) return not run.requested_end end

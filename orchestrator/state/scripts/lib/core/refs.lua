-- refs: references of attempts, `run/job[.instance]@attempt`.  Twin: model/ids.py
local refs = {}

-- the reference of a record's current attempt
function refs.of(run, record) return run.id .. '/' .. record.index .. '@' .. record.attempt end

-- split a reference into run id, job index, attempt and instance (nil without one); nil for any other text
function refs.parse(ref)
  local run_id, job_index, instance, attempt = string.match(ref, '^([^/]+)/(%d+)%.?(%d*)@(%d+)$')
  return run_id, tonumber(job_index), tonumber(attempt), tonumber(instance)
end

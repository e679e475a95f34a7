-- attempts: find an attempt's run and record by its reference
-- uses: refs runs records
local attempts = {}

-- return the run, the record, and whether the reference names the record's current attempt; nil if the run is missing
function attempts.load(ref)
  local run_id, index, attempt, instance = refs.parse(ref)
  local run = run_id and runs.load(run_id)
  if not run then return nil end
  local record = records.load(run, index)
  -- No job has instances yet. A reference with an instance names no attempt of the job itself.
  return run, record, record ~= nil and record.attempt == attempt and not instance  --@current
end

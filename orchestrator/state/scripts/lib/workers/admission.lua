-- admission: the one step between pick and take: what becomes of a head that a slot may serve
-- uses: starting
local admission = {}

-- 'take' it; 'cancel' it, since its run is to end; or 'drop' it, since it is no current attempt that is queued
-- (A pool, limit, window or label that holds an attempt back answers here too, and parks it under its cause.)
function admission.of(run, record, current)
  if not current or record.state ~= job.queued then return 'drop' end
  return starting.may_start(run, record) and 'take' or 'cancel'
end

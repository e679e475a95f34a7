-- admission: the one step between pick and take: what becomes of a head that a slot may serve
-- uses: plans starting tasks
local admission = {}

-- 'take' it; 'cancel' it, since its run is to end; 'drop' it, since it is no current attempt that is queued; 'skip' it,
-- since another node knows its task and this one does not; or 'park' it, since no node knows it: then also the task
-- (A pool, limit, window or label that holds an attempt back answers here too, and parks it under its cause.)
function admission.of(run, record, current, node)
  if not current or record.state ~= job.queued then return 'drop' end
  if not starting.may_start(run, record) then return 'cancel' end  --@admission
  local entry = plans.job(run.plan, record.index)
  local task = tasks.of(entry)
  if tasks.known(node, task) then return 'take' end
  return tasks.known_on(plans.route(entry), task) and 'skip' or 'park', task
end

-- put_plan: seal an uploaded plan and make it its workflow's current version.
--
-- args:     workflow:str plan:str
-- returns:  stored version new | noplan
-- moves:
-- keeps:
-- uses:     workflows
-- cost:     O(routes of the plan), once
if not workflows.uploaded(plan) then return {'noplan'} end  --@put-uploaded

-- writes
local version, fresh = workflows.seal(workflow, plan)
return {'stored', version, fresh and 1 or 0}

-- create_run: a run of a stored plan is created, and its first jobs become ready.
--
-- args:     run_id:str plan:str params:bytes priority:int key:str request:str facts:bytes
-- returns:  created permits todo | exists run_id | conflict run_id | noplan
-- moves:    waiting->queued
-- keeps:    1 4 5 6 7
-- uses:     keys runs new_run permits
-- cost:     O(roots), at most a slice; the rest is todo
if redis.call('EXISTS', keys.run(run_id)) == 1 then return {'exists', run_id} end
if key ~= '' then
  local known = redis.call('GET', keys.key(key))
  if known then
    local earlier, same = string.match(known, '^(%S+) (.*)$')
    return {same == request and 'exists' or 'conflict', earlier}
  end
end
local found = new_run.plan(plan)
if not found then return {'noplan'} end

-- writes (HSET first: with memory full, all or nothing)
local run = new_run.make(run_id, found, params, priority, 'key', key, 'facts', facts)
if key ~= '' then redis.call('SET', keys.key(key), run_id .. ' ' .. request) end  --@create-key
runs.save()
return {'created', permits.due(), run.todo and 1 or 0}

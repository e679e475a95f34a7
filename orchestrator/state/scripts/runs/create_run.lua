-- create_run: a run of a stored plan; its first jobs become ready.
--
-- args:     run:str plan:str params:bytes cls:int key:str request:str facts:bytes
-- returns:  created rings todo | exists run | conflict run | noplan
-- moves:    waiting->queued
-- keeps:    1 4 5 6 7
-- uses:     keys runs births rings
-- cost:     O(roots), at most a slice; the rest is todo
if redis.call('EXISTS', keys.run(run)) == 1 then return {'exists', run} end
if key ~= '' then
  local known = redis.call('GET', keys.key(key))
  if known then
    local earlier, same = string.match(known, '^(%S+) (.*)$')
    return {same == request and 'exists' or 'conflict', earlier}
  end
end
local found = births.plan(plan)
if not found then return {'noplan'} end

-- writes (HSET first: with memory full, all or nothing)
local this = births.make(run, found, params, cls, 'key', key, 'facts', facts)
if key ~= '' then redis.call('SET', keys.key(key), run .. ' ' .. request) end
runs.save()
return {'created', rings.list(), this.todo and 1 or 0}

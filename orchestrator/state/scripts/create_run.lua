-- create_run: a run of a stored plan; its first jobs become ready.
--
-- args:     run:str plan:str params:bytes cls:int key:str request:str
-- returns:  created rings todo | exists run | conflict run | noplan
-- moves:    waiting->queued
-- keeps:    1 4 5 6 7
-- uses:     keys clock events timers runs admit rings
-- cost:     O(roots), at most a slice; the rest is todo
if redis.call('EXISTS', keys.run(run)) == 1 then return {'exists', run} end
if key ~= '' then
  local known = redis.call('GET', keys.key(key))
  if known then
    local earlier, same = string.match(known, '^(%S+) (.*)$')
    return {same == request and 'exists' or 'conflict', earlier}
  end
end
local found = redis.call('HMGET', keys.plan(plan), 'sealed', 'n', 'workflow', 'deadline')
if not found[1] then return {'noplan'} end
local total, workflow, deadline = tonumber(found[2]), found[3], tonumber(found[4])
local version = redis.call('HGET', keys.flow(workflow), 'd:' .. plan)

-- writes (HSET first: with memory full, all or nothing)
redis.call('HSET', keys.run(run), 'plan', plan, 'workflow', workflow, 'version', version, 'params', params,
  'class', cls, 'created', clock.now, 'total', total, 'state', state.queued, 'counts', runs.no_counts(total), 'n', 0,
  'key', key)
if key ~= '' then redis.call('SET', keys.key(key), run .. ' ' .. request) end
redis.call('ZADD', keys.live, clock.now, run)
local this = runs.load(run)
events.add(this, events.RUN, 0, events.NEW, state.queued, workflow .. '\n' .. version .. '\n' .. total)
if deadline > 0 then timers.set('deadline', run, clock.now + deadline) end
admit.roots(this, 0)
runs.save()
return {'created', rings.list(), this.todo and 1 or 0}

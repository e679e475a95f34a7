-- beat: a node is alive: its lease is renewed, and it learns which attempts to end and which permits to publish.
--
-- args:     node:str incarnation:str number:int idle:int draining:int held:str known_tasks:str
-- returns:  beaten kills permits unanswered | gone
-- moves:    running->lost lost->retrying lost->failed lost->cancelled waiting->upstream_failed
-- keeps:    2 4 6
-- uses:     keys clock refs slots runs decide outcomes nodes healing permits
-- cost:     O(slots of the node + its queues)
local IDLE, SOME = limits.NO_ATTEMPT, limits.SOME_ATTEMPT
local name = nodes.find(node, incarnation)
if not name then return {'gone'} end
local node_key = keys.node(name)
local fields = redis.call('HGETALL', node_key)
local known, listed, kills = slots.of(fields), {}, {}
local missed, subscriptions, broker, repeated = {}, '', '', false
for i = 1, #fields, 2 do
  local slot = string.match(fields[i], '^missed:(.*)$')
  if slot then missed[slot] = fields[i + 1] end
  if fields[i] == 'subscriptions' then subscriptions = fields[i + 1] end
  if fields[i] == 'beat' then repeated = tonumber(fields[i + 1]) == number end
  if fields[i] == 'broker' then broker = fields[i + 1] end
end

-- what the node says it runs
local reasons = {[state.cancelled] = 'cancelled', [state.timed_out] = 'timed_out'}
for slot, ref in string.gmatch(held, '(%S+) (%S+)') do
  listed[slot] = ref
  local runs_one = ref ~= IDLE and ref ~= SOME
  local why = runs_one and known[slot] ~= ref and 'stale'
  if runs_one and not why then
    local run = runs.load((refs.parse(ref)))
    why = not run and 'stale' or reasons[run.requested_end]
  end
  if why then  --@beat-kills
    local at = #kills
    kills[at + 1], kills[at + 2], kills[at + 3] = slot, ref, why
  end
end

-- writes
clock.keep()  --@beat-clock
redis.call('HSET', node_key, 'idle', idle, 'beat', number, 'beaten', clock.now)
if known_tasks ~= '' then redis.call('HSET', node_key, 'tasks', '\n' .. known_tasks .. '\n') end
if draining == 1 then redis.call('HSET', node_key, 'draining', 1) end
redis.call('ZADD', keys.nodes, clock.now + limits.LEASE_MS, name)
for slot, ref in pairs(known) do
  local said = listed[slot]
  if said == SOME or said == (ref or IDLE) then
    if missed[slot] then redis.call('HDEL', node_key, 'missed:' .. slot) end
  elseif not repeated then
    -- the node does not list the slot: after two such beats the slot is gone
    local mark, count = ref or IDLE, 1
    if missed[slot] then
      local before, times = string.match(missed[slot], '^(%S+) (%d+)$')
      if before == mark then count = times + 1 end
    end
    if count < limits.MISSED_BEATS then  --@beat-missed
      redis.call('HSET', node_key, 'missed:' .. slot, mark .. ' ' .. count)
    else
      redis.call('HDEL', node_key, 'slot:' .. slot, 'missed:' .. slot)
      if ref then outcomes.lose(ref) end
    end
  end
end
decide.spread()
runs.save()
local unanswered = idle > 0 and healing.queues(subscriptions, broker) or 0
return {'beaten', kills, permits.due(), unanswered}

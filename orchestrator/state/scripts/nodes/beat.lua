-- beat: a node lives; its leases are renewed, and it is told what to end and whom to wake.
--
-- args:     node:str incarnation:str idle:int held:str
-- returns:  ok kills rings deaf | gone
-- moves:    running->lost lost->retrying lost->failed lost->cancelled waiting->upstream_failed
-- keeps:    2 4 6
-- uses:     keys clock hands runs records admit outcomes nodes heal rings
-- cost:     O(hands of the node + its queues)
local MISSED_BEATS = 2
if not nodes.is_open(node, incarnation) then return {'gone'} end
local node_key = keys.node(node)
local fields = redis.call('HGETALL', node_key)
local known, listed, kills = hands.of(fields), {}, {}
local missed, wants = {}, ''
for i = 1, #fields, 2 do
  local hand = string.match(fields[i], '^m:(.*)$')
  if hand then missed[hand] = fields[i + 1] end
  if fields[i] == 'wants' then wants = fields[i + 1] end
end

-- what the node says it runs
local reasons = {[state.cancelled] = 'cancelled', [state.timed_out] = 'timed_out'}
for hand, ref in string.gmatch(held, '(%S+) (%S+)') do
  listed[hand] = ref
  local why = ref ~= '-' and known[hand] ~= ref and 'stale'
  if ref ~= '-' and not why then
    local run = runs.load((records.parse(ref)))
    why = not run and 'stale' or reasons[run.wish]
  end
  if why then
    local at = #kills
    kills[at + 1], kills[at + 2], kills[at + 3] = hand, ref, why
  end
end

-- writes
clock.keep()
redis.call('HSET', node_key, 'idle', idle)
redis.call('ZADD', keys.nodes, clock.now + nodes.LEASE, node)
for hand, ref in pairs(known) do
  local said = listed[hand]
  if said and said == (ref or '-') then
    if missed[hand] then redis.call('HDEL', node_key, 'm:' .. hand) end
  else
    -- the node does not list it: after two beats of that, it is gone
    local mark, count = ref or '-', 1
    if missed[hand] then
      local before, times = string.match(missed[hand], '^(%S+) (%d+)$')
      if before == mark then count = times + 1 end
    end
    if count < MISSED_BEATS then
      redis.call('HSET', node_key, 'm:' .. hand, mark .. ' ' .. count)
    else
      redis.call('HDEL', node_key, 'h:' .. hand, 'm:' .. hand)
      if ref then outcomes.lose(ref) end
    end
  end
end
admit.spread()
runs.save()
local deaf = idle > 0 and heal.queues(wants) or 0
return {'ok', kills, rings.list(), deaf}

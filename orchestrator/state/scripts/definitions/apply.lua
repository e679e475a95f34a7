-- apply: definitions change together: all of them, or none if somebody changed definitions in the meantime.
--
-- args:     expected:int changes:bytes revision:bytes
-- returns:  applied edits revision | conflict edits | noplan workflow | stale id
-- moves:
-- keeps:    5 7
-- uses:     keys change_ops definitions workflows
-- cost:     O(changes), which the caller bounds
local edits = tonumber(redis.call('HGET', keys.meta, 'edits') or 0)
if expected >= 0 and expected ~= edits then return {'conflict', edits} end
local list = change_ops.read(changes)
for _, op in ipairs(list) do
  if op.kind == 'workflow' and not workflows.uploaded(op[2]) then return {'noplan', op[1]} end
  if not change_ops.current(op) then return {'stale', op[1]} end
end

-- writes (HSET first: with memory full, all or nothing)
redis.call('HSET', keys.meta, 'edits', edits + 1)
for _, op in ipairs(list) do definitions.put(op) end
local number = 0
if revision ~= '' then
  number = redis.call('HINCRBY', keys.meta, 'revision', 1)
  redis.call('HSET', keys.revisions, number, revision)
  redis.call('HDEL', keys.revisions, number - limits.REVISIONS_KEPT)
end
return {'applied', redis.call('HGET', keys.meta, 'edits'), number}

-- edges: walk over the successors of a job and the roots of a plan, slice by slice
-- uses: keys
local edges = {}

-- call visit(job, in_degree) for at most `most` successors from `offset` on; return the number of calls
function edges.successors(entry, offset, most, visit)
  local last = math.min(entry.successors, offset + most)
  local packed, base = entry.packed, limits.PLAN_ENTRY + 3 * entry.inputs
  local chunked = entry.successors > limits.SLICE
  for i = offset, last - 1 do
    local at = base + 6 * i
    if chunked then
      if i == offset or i % limits.SLICE == 0 then
        packed = redis.call('HGET', keys.plan_edges(entry.plan, entry.index), math.floor(i / limits.SLICE))
      end
      at = 6 * (i % limits.SLICE)
    end
    visit(struct.unpack('>I3I3', packed, at + 1))
  end
  return math.max(last - offset, 0)
end

-- call visit(job) for at most `most` roots of the plan from `offset` on; return the numbers of calls and of all roots
function edges.roots(plan, offset, most, visit)
  local total = tonumber(redis.call('HGET', keys.plan(plan), 'roots'))
  local last = math.min(total, offset + most)
  local packed
  for i = offset, last - 1 do
    if i == offset or i % limits.SLICE == 0 then
      packed = redis.call('HGET', keys.plan(plan), 'roots:' .. math.floor(i / limits.SLICE))
    end
    visit((struct.unpack('>I3', packed, 3 * (i % limits.SLICE) + 1)))
  end
  return last - offset, total
end

-- plans: read the entries of a sealed plan.  Twin: state/layouts/plans.py packs them
-- uses: keys
local plans = {}
local LAYOUT = '>I3HBBI3BHI3'  -- spec, route, class, rank, in-degree, flags, inputs, successors
local entries, routes
function plans.begin() entries, routes = {}, {} end

local function has(flags, bit) return math.floor(flags / bit) % 2 == 1 end

-- return the job's entry; `inputs`, `name` and the fragment `edges` unpack the lists behind it
function plans.job(plan, index)
  local known = entries[index]
  if known and known.plan == plan then return known end
  local packed = redis.call('HGET', keys.plan_jobs(plan, keys.bucket(index)), index)
  local spec, route, class, rank, in_degree, flags, inputs, successors = struct.unpack(LAYOUT, packed)
  known = {
    plan = plan, index = index, packed = packed, spec = spec, route = route, class = class, rank = rank,
    in_degree = in_degree, uses_params = has(flags, limits.USES_PARAMS), fetch = has(flags, limits.FETCH),
    inputs = inputs, successors = successors,
  }
  entries[index] = known
  return known
end

function plans.route(entry)
  local name = entry.plan .. entry.route
  if not routes[name] then routes[name] = redis.call('HGET', keys.plan(entry.plan), 'route:' .. entry.route) end
  return routes[name]
end

-- return the indexes of the jobs whose outputs the job uses (none for a job that fetches its inputs)
function plans.inputs(entry)
  local found = {}
  for i = 1, entry.inputs do
    found[i] = struct.unpack('>I3', entry.packed, limits.PLAN_ENTRY + 3 * i - 2)
  end
  return found
end

function plans.name(entry)
  local pairs = entry.successors > limits.SLICE and 0 or entry.successors
  return string.sub(entry.packed, limits.PLAN_ENTRY + 3 * entry.inputs + 6 * pairs + 1)
end

-- ready: each route's ready set has the attempts that could start now, the most urgent first
-- uses: keys refs plans records permits
local ready = {}
local pending, lifted
function ready.begin() pending, lifted = {}, {} end

-- return a job's class and rank; in a run of a backfill every job comes last in its class
local function place(run, entry)
  local class = entry.class == limits.INHERIT_PRIORITY and run.class or entry.class
  if run.starter and string.find(run.starter, '~', 1, true) then return math.max(class, run.class), limits.LAST_RANK end
  return class, entry.rank
end

-- a member begins with the ms at which it became ready: of equal scores the earlier comes first
local function member(run, record) return string.format('%013.0f', record.queued) .. ':' .. refs.of(run, record) end
function ready.ref(found) return string.sub(found, 15) end

-- queue a job: its new attempt stands in its route's ready set until a transition takes it out
function ready.add(run, record, entry)
  records.move(run, record, job.queued)
  local route, found = plans.route(entry), member(run, record)
  local class, number = place(run, entry)
  local put = pending[route] or {ready = {}, since = {}}
  local first, second = put.ready, put.since
  first[#first + 1], first[#first + 2] = class * limits.CLASS_SCORE + number * limits.RANK_SCORE + run.created, found
  second[#second + 1], second[#second + 2] = class * limits.CLASS_SCORE + record.queued, found
  pending[route] = put
  permits.add(route, class)  --@ready-permit
end

-- write the added members; a script does so before it claims and at its end
function ready.flush()
  for route, put in pairs(pending) do
    redis.call('ZADD', keys.ready(route), unpack(put.ready))
    redis.call('ZADD', keys.since(route), unpack(put.since))
  end
  pending = {}
end

function ready.take(route, found)
  redis.call('ZREM', keys.ready(route), found)
  redis.call('ZREM', keys.since(route), found)  --@ready-since
end

-- take a member out until `put_back`: the member behind it becomes the head
function ready.lift(route, found)
  local at = redis.call('ZSCORE', keys.ready(route), found)
  lifted[#lifted + 1] = {route, found, at, redis.call('ZSCORE', keys.since(route), found)}
  ready.take(route, found)
end

function ready.lifted() return #lifted > 0 end

function ready.put_back()
  for _, each in ipairs(lifted) do
    local route, found, at, since = unpack(each)
    redis.call('ZADD', keys.ready(route), at, found)
    redis.call('ZADD', keys.since(route), since, found)
  end
  lifted = {}
end

function ready.remove(run, record) ready.take(plans.route(plans.job(run.plan, record.index)), member(run, record)) end

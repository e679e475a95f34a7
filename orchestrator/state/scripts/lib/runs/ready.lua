-- ready: the ready sets: what could start now, in the order in which it should
-- uses: keys refs plans records permits
local ready = {}
local pending, lifted
function ready.begin() pending, lifted = {}, {} end

-- a job's place: class and rank; what a backfill makes up for comes last in its class, whatever its jobs say
local function place(run, entry)
  local class = entry.class == limits.INHERIT_PRIORITY and run.class or entry.class
  if run.starter and string.find(run.starter, '~', 1, true) then return math.max(class, run.class), limits.LAST_RANK end
  return class, entry.rank
end

-- equal scores sort by the time at which they became ready
local function member(run, record) return string.format('%013.0f', record.queued) .. ':' .. refs.of(run, record) end
function ready.ref(found) return string.sub(found, 15) end

-- a job whose time has come: it stands in its route's ready set until a transition takes it out
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

-- put up what was added; a script does so before it claims, and at its end
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

-- take a member out until `put_back`, so that the heads behind it come to light
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

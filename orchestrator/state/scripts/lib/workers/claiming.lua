-- claiming: a slot takes the head of its routes, in `claim` and in `finish`
-- uses: clock runs records attempts outcomes ready admission fairness tasks permits
local claiming = {}

-- at the end of a turn: ask for one permit if an attempt is ready
function claiming.leave(subscriptions)
  for classes, route in string.gmatch(subscriptions, '(%d+) ([^\n]+)') do
    local found, score = fairness.head(route, classes)
    if found then return permits.add(route, fairness.class(score)) end
  end
end

local function start(run, record, node)
  if run.state == state.queued then
    runs.move(run, state.running)
    redis.call('HSET', run.key, 'started', clock.now)
  end
  records.move(run, record, job.running, node)
end

-- take the first head that admission lets through: it now runs on `node`; nil if there is none
local function first_admitted(node, subscriptions)
  for _ = 1, limits.MOST_DROPPED_HEADS do
    local route, found, class = fairness.pick(subscriptions)
    if not route then return nil end
    local ref = ready.ref(found)
    local run, record, current = attempts.load(ref)
    local answer, task = admission.of(run, record, current, node)
    if answer == 'skip' then
      if not ready.lifted() then tasks.pass_on(route, class) end
      ready.lift(route, found)
    else
      ready.take(route, found)
      permits.taken(route, class)
      if answer == 'take' then
        start(run, record, node)
        return ref
      elseif answer == 'cancel' then records.move(run, record, job.cancelled)
      elseif answer == 'park' then outcomes.unknown(run, record, task)
      end
    end
  end
  claiming.leave(subscriptions)  -- enough for one script
end

-- see `first_admitted`; what was skipped stands in the ready set again when the script is over
function claiming.next(node, subscriptions)
  local ref = first_admitted(node, subscriptions)
  ready.put_back()
  return ref
end

-- with nothing to take: pass the permit on to the class of the most urgent, never to one of these subscriptions
function claiming.pass_on(subscriptions)
  for classes, route in string.gmatch(subscriptions, '(%d+) ([^\n]+)') do
    local found, score = fairness.head(route, '0123')
    local class = found and fairness.class(score)
    if found and not string.find(classes, class, 1, true) then permits.add(route, class) end
  end
end

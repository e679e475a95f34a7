-- claiming: a slot takes the head of its routes; the heart of claim, which finish uses too
-- uses: clock runs records attempts ready admission fairness permits
local claiming = {}

-- a turn ends: ask for one permit for what is left
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
function claiming.next(node, subscriptions)
  for _ = 1, limits.MOST_DROPPED_HEADS do
    local route, found, class = fairness.pick(subscriptions)
    if not route then return nil end
    ready.take(route, found)
    permits.taken(route, class)
    local ref = ready.ref(found)
    local run, record, current = attempts.load(ref)
    local answer = admission.of(run, record, current)
    if answer == 'take' then
      start(run, record, node)
      return ref
    end
    if answer == 'cancel' then records.move(run, record, job.cancelled) end
  end
  claiming.leave(subscriptions)  -- enough for one script
end

-- nothing for these subscriptions: pass the permit on to the class of the most urgent, never to a queue of our own
function claiming.pass_on(subscriptions)
  for classes, route in string.gmatch(subscriptions, '(%d+) ([^\n]+)') do
    local found, score = fairness.head(route, '0123')
    local class = found and fairness.class(score)
    if found and not string.find(classes, class, 1, true) then permits.add(route, class) end
  end
end

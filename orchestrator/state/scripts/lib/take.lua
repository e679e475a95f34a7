-- take: a hand takes the head of its routes; the body of claim, which finish uses too
-- uses: keys clock states plans runs records ready order rings
local take = {}
local INLINE = 65536  -- bytes of inputs in a reply; more than that the worker fetches
local DROPS = 50      -- heads of cancelled runs that one script drops at most

-- what the worker needs to run the attempt
function take.body(ref)
  local id, index = records.parse(ref)
  local run = runs.load(id)
  local r, entry = records.load(run, index), plans.job(run.plan, index)
  local body = {
    ref, plans.name(entry), redis.call('HGET', keys.plan(run.plan), 'spec:' .. entry.spec),
    entry.uses_params and redis.call('HGET', run.key, 'params') or '', r.retries, r.losses, run.workflow, run.plan,
    entry.fetch and 'fetch' or 'inline',
  }
  if entry.inputs == 0 then return body end
  local inputs, size = plans.inputs(entry), 0
  local outputs = redis.call('HMGET', keys.outputs(id), unpack(inputs))
  for i, output in ipairs(inputs) do
    local found = outputs[i] or ''
    size = size + #found
    body[8 + 2 * i], body[9 + 2 * i] = output, found
  end
  if size <= INLINE then return body end
  return {body[1], body[2], body[3], body[4], body[5], body[6], body[7], body[8], 'fetch'}
end

-- the attempt taken, now running on `node`; or nil
function take.next(node, wants)
  for _ = 1, DROPS do
    local route, found, class = order.pick(wants)
    if not route then return nil end
    ready.take(route, found)
    rings.taken(route, class)
    local ref = ready.ref(found)
    local id, index, attempt = records.parse(ref)
    local run = runs.load(id)
    local r = run and records.load(run, index)
    if r and r.state == job.queued and r.attempt == attempt then
      if run.wish then
        records.move(run, r, job.cancelled)
      else
        if run.state == state.queued then
          runs.move(run, state.running)
          redis.call('HSET', run.key, 'started', clock.now)
        end
        records.move(run, r, job.running, node)
        return ref
      end
    end
  end
end

-- nothing for these wants: pass the permit on to the class of the most urgent, never to a queue of our own
function take.pass(wants)
  for classes, route in string.gmatch(wants, '(%d+) ([^\n]+)') do
    local found, score = order.head(route, '0123')
    local class = found and order.class(score)
    if found and not string.find(classes, class, 1, true) then rings.add(route, class) end
  end
end

-- a turn ends: ring once for what is left
function take.leave(wants)
  for classes, route in string.gmatch(wants, '(%d+) ([^\n]+)') do
    local found, score = order.head(route, classes)
    if found then return rings.add(route, order.class(score)) end
  end
end

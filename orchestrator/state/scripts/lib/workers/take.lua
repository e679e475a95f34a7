-- take: a hand takes the head of its routes; the heart of claim, which finish uses too
-- uses: clock runs records ready order rings
local take = {}
local DROPS = 50      -- heads of cancelled runs that one script drops at most

-- a turn ends: ring once for what is left
function take.leave(wants)
  for classes, route in string.gmatch(wants, '(%d+) ([^\n]+)') do
    local found, score = order.head(route, classes)
    if found then return rings.add(route, order.class(score)) end
  end
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
  take.leave(wants)  -- enough for one script
end

-- nothing for these wants: pass the permit on to the class of the most urgent, never to a queue of our own
function take.pass(wants)
  for classes, route in string.gmatch(wants, '(%d+) ([^\n]+)') do
    local found, score = order.head(route, '0123')
    local class = found and order.class(score)
    if found and not string.find(classes, class, 1, true) then rings.add(route, class) end
  end
end

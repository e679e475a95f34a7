-- tasks: each node says which tasks it knows, and takes no other
-- uses: keys clock permits
local tasks = {}
local texts, anyone
function tasks.begin() texts, anyone = {}, {} end

-- a node's tasks, one a line between line ends; nil for a node that has not said yet, which may know them all
local function of_node(node)
  if texts[node] == nil then texts[node] = redis.call('HGET', keys.node(node), 'tasks') or false end
  return texts[node]
end

function tasks.known(node, task)
  local text = task and of_node(node)
  return not text or string.find(text, '\n' .. task .. '\n', 1, true) ~= nil
end

-- the task of a job; nil in a plan that was stored by an earlier release
function tasks.of(entry) return redis.call('HGET', keys.plan(entry.plan), 'task:' .. entry.spec) or nil end

local function look(route, task)
  local served = false
  for _, node in ipairs(redis.call('ZRANGEBYSCORE', keys.nodes, clock.now, '+inf')) do
    local subscriptions = '\n' .. (redis.call('HGET', keys.node(node), 'subscriptions') or '') .. '\n'
    if string.find(subscriptions, ' ' .. route .. '\n', 1, true) then
      if tasks.known(node, task) then return true end
      served = true
    end
  end
  return not served
end

-- whether a live node that serves the route knows the task; yes where none serves it: nobody has said no
function tasks.known_on(route, task)
  local name = task .. '\n' .. route
  if anyone[name] == nil then anyone[name] = look(route, task) end
  return anyone[name]
end

-- wake another worker for what this one does not know; so often, at most, that each node's turn comes in half a second
function tasks.pass_on(route, class)
  local key, now = keys.route(route), math.floor(clock.now / limits.PASS_ON_MS)
  local since, times = string.match(redis.call('HGET', key, 'passed') or '', '^(%d+) (%d+)$')
  times = tonumber(since) == now and tonumber(times) or 0
  if times < limits.PASSES_PER_NODE * redis.call('ZCARD', keys.nodes) then
    redis.call('HSET', key, 'passed', string.format('%.0f %d', now, times + 1))
    permits.add(route, class)
  end
end

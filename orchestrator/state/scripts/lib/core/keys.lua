-- keys: the names of all keys of the namespace.  Twin: state/keys.py (a test compares the two)
local keys = {}

function keys.begin()
  if keys.meta == KEYS[1] then return end  -- the same namespace as in the call before (a library keeps its fragments)
  keys.meta = KEYS[1]  -- every script is given this one key, the namespace's `meta`
  keys.prefix = string.sub(keys.meta, 1, -5)
  keys.transitions, keys.timers = keys.prefix .. 'transitions', keys.prefix .. 'timers'
  keys.nodes, keys.gone = keys.prefix .. 'nodes', keys.prefix .. 'gone'
  keys.live, keys.ended, keys.todos = keys.prefix .. 'live', keys.prefix .. 'ended', keys.prefix .. 'todos'
  keys.uploads, keys.routes = keys.prefix .. 'uploads', keys.prefix .. 'routes'
  keys.workflows = keys.prefix .. 'workflows'
  keys.schedules, keys.agenda = keys.prefix .. 'schedules', keys.prefix .. 'agenda'
  keys.triggers, keys.backfills = keys.prefix .. 'triggers', keys.prefix .. 'backfills'
  keys.calendars, keys.revisions = keys.prefix .. 'calendars', keys.prefix .. 'revisions'
  keys.deliveries, keys.hooks = keys.prefix .. 'deliveries', keys.prefix .. 'hooks'
  keys.watched = keys.prefix .. 'watched'
end

function keys.plan(plan) return keys.prefix .. 'plan:' .. plan end
function keys.plan_jobs(plan, bucket) return keys.prefix .. 'plan:' .. plan .. ':' .. bucket end
function keys.plan_edges(plan, job) return keys.prefix .. 'plan:' .. plan .. ':e:' .. job end
function keys.plan_wide(plan) return keys.prefix .. 'plan:' .. plan .. ':wide' end
function keys.workflow(workflow) return keys.prefix .. 'workflow:' .. workflow end
function keys.run(run) return keys.prefix .. 'run:' .. run end
function keys.records(run, bucket) return keys.prefix .. 'run:' .. run .. ':j:' .. bucket end
function keys.counters(run, bucket) return keys.prefix .. 'run:' .. run .. ':c:' .. bucket end
function keys.outputs(run) return keys.prefix .. 'run:' .. run .. ':out' end
function keys.errors(run) return keys.prefix .. 'run:' .. run .. ':err' end
function keys.todo(run) return keys.prefix .. 'run:' .. run .. ':todo' end
function keys.ready(route) return keys.prefix .. 'ready:' .. route end
function keys.since(route) return keys.prefix .. 'since:' .. route end
function keys.route(route) return keys.prefix .. 'route:' .. route end
function keys.node(node) return keys.prefix .. 'node:' .. node end
function keys.starter(id) return keys.prefix .. 'starter:' .. id end
function keys.waiting(id) return keys.prefix .. 'starter:' .. id .. ':waiting' end
function keys.living(id) return keys.prefix .. 'starter:' .. id .. ':living' end
function keys.journal(id) return keys.prefix .. 'starter:' .. id .. ':journal' end
function keys.dataset_joins(id) return keys.prefix .. 'starter:' .. id .. ':joins' end
function keys.seen(id) return keys.prefix .. 'starter:' .. id .. ':seen' end
function keys.delivery(id) return keys.prefix .. 'delivery:' .. id end
function keys.key(idempotency) return keys.prefix .. 'key:' .. idempotency end

function keys.bucket(job) return math.floor(job / limits.BUCKET) end

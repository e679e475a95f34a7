-- todos: a script leaves work for `advance` as a line `kind job offset` in the run's todo
-- uses: keys clock
local todos = {}
function todos.leave(run, line)
  redis.call('RPUSH', keys.todo(run.id), line)
  redis.call('ZADD', keys.todos, clock.now, run.id)
  run.todo, run.changed = true, true
end

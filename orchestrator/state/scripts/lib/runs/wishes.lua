-- wishes: a run is to end: nothing starts any more, running attempts are for their nodes to end
-- uses: runs todos
local wishes = {}
function wishes.make(run, to, who, why)
  run.wish = to
  redis.call('HSET', run.key, 'wish', to, 'who', who, 'why', why)
  runs.move(run, state.cancelling, who .. '\n' .. why)
  todos.leave(run, 'cancel 0 0')
end

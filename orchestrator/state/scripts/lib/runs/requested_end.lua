-- requested_end: a run is to end: nothing starts any more, running attempts are for their nodes to end
-- uses: runs todos
local requested_end = {}
function requested_end.request(run, to, who, why)
  run.requested_end = to
  redis.call('HSET', run.key, 'requested_end', to, 'who', who, 'why', why)
  runs.move(run, state.cancelling, who .. '\n' .. why)
  todos.leave(run, 'cancel 0 0')
end

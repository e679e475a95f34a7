-- requested_end: request a run's end: no job starts any more, and the nodes end the running attempts
-- uses: runs todos
local requested_end = {}
function requested_end.request(run, to, who, why)
  run.requested_end = to
  redis.call('HSET', run.key, 'requested_end', to, 'who', who, 'why', why)
  runs.move(run, state.cancelling, who .. '\n' .. why)
  todos.leave(run, 'cancel 0 0')
end

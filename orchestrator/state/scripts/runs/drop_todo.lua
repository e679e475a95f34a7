-- drop_todo: a run that is missing leaves the list of runs with something to do.
--
-- args:     run_id:str
-- returns:  dropped | live
-- moves:
-- keeps:    6
-- uses:     keys
-- cost:     O(1)
if redis.call('EXISTS', keys.run(run_id)) == 1 then return {'live'} end  --@todo-fence

-- writes (a removal first: with memory full, it goes through)
redis.call('ZREM', keys.todos, run_id)
redis.call('UNLINK', keys.todo(run_id))
return {'dropped'}

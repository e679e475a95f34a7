-- plan_poll: the source of a trigger is polled again in so many ms, or no more if the trigger polls none.
--
-- With `earlier` = 1 the next poll only moves to an earlier time.
--
-- args:     id:str wait_ms:int earlier:int
-- returns:  planned | kept | stopped
-- moves:
-- keeps:    5
-- uses:     keys clock timers starters
-- cost:     O(1)
local starter = starters.load(id)
local interval = tonumber(redis.call('HGET', keys.starter(id), 'poll_ms') or 0)
local due, planned = clock.now + wait_ms, timers.due('poll', id)

-- writes (a removal first: with memory full, it goes through)
if not starter or not starter.enabled or interval == 0 then  --@poll-fence
  timers.drop('poll', id)
  return {'stopped'}
end
if earlier == 1 and planned and planned <= due then return {'kept'} end  --@poll-earlier
timers.set('poll', id, due)
return {'planned'}

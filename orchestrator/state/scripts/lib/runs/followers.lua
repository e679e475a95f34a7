-- followers: all that follows the end of a run, in order
-- uses: keys clock timers journal
local followers = {}

local LIST = {
  -- its deadline is dropped
  function(run) timers.drop('deadline', run.id) end,  --@follow-deadline
  -- its starter has room for the next of its runs
  function(run) if run.starter then journal.ended(run) end end,
  -- a scheduler tells the triggers that listen for ends of this workflow
  function(run)
    local heard = redis.call('SISMEMBER', keys.watched, run.workflow) == 1  --@follow-listeners
    if heard then timers.set('ended', run.id, clock.now) end
  end,
}

function followers.run_ended(run)
  for _, follow in ipairs(LIST) do follow(run) end
end

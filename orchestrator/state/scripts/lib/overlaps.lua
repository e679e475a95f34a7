-- overlaps: the newest occasion takes the place of those before it
-- uses: keys past runs wishes
local overlaps = {}

-- cancel the starter's living runs and drop what waits
function overlaps.replace(s)
  for _, id in ipairs(redis.call('SMEMBERS', keys.living(s.id))) do
    local run = runs.load(id)
    if run and not run.wish and run.state < state.succeeded then
      wishes.make(run, state.cancelled, s.id, 'a later run takes its place')
    end
  end
  for _, occasion in ipairs(redis.call('LRANGE', keys.waiting(s.id), 0, -1)) do
    past.note(s, occasion, 'skipped', 'a later one took its place')
  end
  redis.call('DEL', keys.waiting(s.id))
end

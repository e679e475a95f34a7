-- events: every transition, once, numbered without gaps in its run.  Twin: state/events.py reads them
-- uses: keys clock
local events = {
  RUN = 16777215,  -- stands for the run itself where a job's index is
  NEW = 255,       -- stands for no state before
}

-- n, job, attempt, from, to, ms, run id (20 characters), extra
function events.add(run, index, attempt, from, to, extra)
  run.n, run.changed = run.n + 1, true
  local packed = struct.pack('>I4I3HBBI6', run.n, index, attempt, from, to, clock.now)
  redis.call('XADD', keys.events, '*', 'e', packed .. run.id .. (extra or ''))
end

-- transitions: the stream has each transition once, numbered without gaps in its run.  Twin: state/layouts/records.py
-- uses: keys clock
local transitions = {}

function transitions.add(run, index, attempt, from, to, extra)
  extra = string.sub(extra or '', 1, limits.MOST_EXTRA)
  run.n, run.changed = run.n + 1, true
  run.transitions[#run.transitions + 1] = struct.pack('>I3I3BBH', index, attempt, from, to, #extra) .. extra
end

-- write the run's transitions as one entry: run id (20 characters), number of the first, ms, then each transition
function transitions.flush(run)
  if #run.transitions == 0 then return end
  local head = run.id .. struct.pack('>I4I6', run.n - #run.transitions + 1, clock.now)
  redis.call('XADD', keys.transitions, '*', 'e', head .. table.concat(run.transitions))
  run.transitions = {}
end

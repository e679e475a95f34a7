-- records: what is known of a job run that is not just waiting.  Twin: state/layouts/records.py reads them
-- uses: keys clock states transitions
local records = {}
-- state, flags, attempt, retries, losses, queued, started, ended (ms); then the node's name
local FORMAT = '>BBI3HHI6I6I6'

-- take in a record as it is stored
function records.read(run, index, packed)
  local r = {index = index}
  local at
  r.state, r.flags, r.attempt, r.retries, r.losses, r.queued, r.started, r.ended, at = struct.unpack(FORMAT, packed)
  r.node = string.sub(packed, at)
  run.records[index] = r
  return r
end

function records.load(run, index)
  if run.records[index] then return run.records[index] end
  local packed = redis.call('HGET', keys.records(run.id, keys.bucket(index)), index)
  return packed and records.read(run, index, packed) or nil
end

-- a waiting job's record to be
function records.fresh(run, index)
  local r = {
    index = index, state = job.waiting, flags = 0, attempt = 0, retries = 0, losses = 0,
    queued = 0, started = 0, ended = 0, node = '',
  }
  run.records[index] = r
  return r
end

-- make a move: the record, the run's tally and the transition, together; `flush` stores the record
function records.move(run, r, to, extra)
  if to == job.queued then
    r.attempt, r.queued, r.started, r.ended = r.attempt + 1, clock.now, 0, 0
  elseif to == job.running then
    r.started, r.node = clock.now, string.sub(extra, 1, limits.NODE_NAME)
  elseif states.final(to) then
    r.ended = clock.now
  end
  transitions.add(run, r.index, r.attempt, r.state, to, extra)
  run.counts[r.state + 1] = run.counts[r.state + 1] - 1
  run.counts[to + 1] = run.counts[to + 1] + 1
  r.state = to
  if not r.moved then
    r.moved = true
    run.moved[#run.moved + 1] = r
  end
end

-- store every record that moved, a bucket at a time
function records.flush(run)
  local buckets = {}
  for _, r in ipairs(run.moved) do
    local packed = struct.pack(FORMAT, r.state, r.flags, r.attempt, r.retries, r.losses, r.queued, r.started, r.ended)
    local bucket = keys.bucket(r.index)
    local fields = buckets[bucket] or {}
    fields[#fields + 1], fields[#fields + 2] = r.index, packed .. r.node
    buckets[bucket], r.moved = fields, nil
  end
  for bucket, fields in pairs(buckets) do redis.call('HSET', keys.records(run.id, bucket), unpack(fields)) end
  run.moved = {}
end

-- records: a job run has a record as soon as it does more than wait.  Twin: state/layouts/records.py
-- uses: keys clock states transitions
local records = {}
-- state, flags, attempt, retries, losses, queued, started, ended (ms); then the node's name
local FORMAT = '>BBI3HHI6I6I6'

-- unpack a stored record
function records.read(run, index, packed)
  local record = {index = index}
  local at
  record.state, record.flags, record.attempt, record.retries, record.losses,
    record.queued, record.started, record.ended, at = struct.unpack(FORMAT, packed)
  record.node = string.sub(packed, at)
  run.records[index] = record
  return record
end

function records.load(run, index)
  if run.records[index] then return run.records[index] end
  local packed = redis.call('HGET', keys.records(run.id, keys.bucket(index)), index)
  return packed and records.read(run, index, packed) or nil
end

-- make the record of a job run that was waiting
function records.fresh(run, index)
  local record = {
    index = index, state = job.waiting, flags = 0, attempt = 0, retries = 0, losses = 0,
    queued = 0, started = 0, ended = 0, node = '',
  }
  run.records[index] = record
  return record
end

-- move a job run to another state: in its record, the run's tally and the transitions (`flush` stores the record)
function records.move(run, record, to, extra)
  if to == job.queued then
    record.attempt, record.queued, record.started, record.ended = record.attempt + 1, clock.now, 0, 0
  elseif to == job.running then
    record.started, record.node = clock.now, string.sub(extra, 1, limits.NODE_NAME)
  elseif states.final(to) then
    record.ended = clock.now
  end
  transitions.add(run, record.index, record.attempt, record.state, to, extra)
  run.counts[record.state + 1] = run.counts[record.state + 1] - 1
  run.counts[to + 1] = run.counts[to + 1] + 1
  record.state = to
  if not record.moved then
    record.moved = true
    run.moved[#run.moved + 1] = record
  end
end

-- store the records that moved, bucket by bucket
function records.flush(run)
  local buckets = {}
  for _, record in ipairs(run.moved) do
    local packed = struct.pack(FORMAT, record.state, record.flags, record.attempt, record.retries, record.losses,
      record.queued, record.started, record.ended)
    local bucket = keys.bucket(record.index)
    local fields = buckets[bucket] or {}
    fields[#fields + 1], fields[#fields + 2] = record.index, packed .. record.node
    buckets[bucket], record.moved = fields, nil
  end
  for bucket, fields in pairs(buckets) do redis.call('HSET', keys.records(run.id, bucket), unpack(fields)) end
  run.moved = {}
end

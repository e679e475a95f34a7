-- claim_reply: build the part of a reply that a worker needs to run an attempt
-- uses: keys plans records attempts
local claim_reply = {}

function claim_reply.of(ref)
  local run, record = attempts.load(ref)
  local entry = plans.job(run.plan, record.index)
  local body = {
    ref, plans.name(entry), redis.call('HGET', keys.plan(run.plan), 'spec:' .. entry.spec),
    entry.uses_params and redis.call('HGET', run.key, 'params') or '', record.retries, record.losses,
    run.workflow, run.plan, entry.fetch and 'fetch' or 'inline', 0,
  }
  if entry.inputs == 0 then return body end
  local inputs, size = plans.inputs(entry), 0
  local parent = records.load(run, inputs[1])
  body[10] = parent and parent.attempt or 0
  local outputs = redis.call('HMGET', keys.outputs(run.id), unpack(inputs))
  for i, output in ipairs(inputs) do
    local found = outputs[i] or ''
    size = size + #found
    body[9 + 2 * i], body[10 + 2 * i] = output, found
  end
  if size <= limits.INLINE_INPUTS then return body end
  return {body[1], body[2], body[3], body[4], body[5], body[6], body[7], body[8], 'fetch', body[10], inputs[1]}
end

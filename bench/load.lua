-- What wrk sends: one body after the other from a file, one a line. Prints what came of it as one line of JSON.
-- Arguments: the file, and `again` where it may be begun anew once it is through.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  requests, sent, repeated = {}, 0, 0
  for body in io.lines(arguments[1]) do
    -- Whole requests: nothing is put together while the clock runs.
    table.insert(requests, wrk.format("POST", nil, nil, body))
  end
  again = arguments[2] == "again"
end

function request()
  if sent == #requests and not again then
    repeated = repeated + 1
  end
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function done(summary, latency)
  local sent_twice = 0
  for _, thread in ipairs(threads) do
    sent_twice = sent_twice + thread:get("repeated")
  end
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"failed":%d,"repeated":%d}\n',
    summary.requests,
    summary.duration / 1e6,
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    sent_twice
  ))
end

-- Writes events to a run's log; a retraction writes the whole log anew, so that no reader can
-- fetch what was withdrawn. Sequence numbers are the stream's ids, so nothing is written twice.
-- KEYS: meta, log. ARGV: 1 to begin anew or 0, seconds to keep, most events, then sequence number
-- and event, alternating. Returns 0 where the session is gone (nothing is written), else 1.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local last = 0
if ARGV[1] == '1' then
  redis.call('DEL', KEYS[2])
else
  local tail = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
  if #tail > 0 then
    last = tonumber(string.match(tail[1][1], '^%d+'))
  end
end
for i = 4, #ARGV, 2 do
  if tonumber(ARGV[i]) > last then
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], ARGV[i] .. '-0', 'e', ARGV[i + 1])
  end
end
local now = tonumber(redis.call('TIME')[1])
local ends = tonumber(redis.call('HGET', KEYS[1], 'ends'))
redis.call('EXPIREAT', KEYS[2], math.min(now + tonumber(ARGV[2]), ends))
return 1

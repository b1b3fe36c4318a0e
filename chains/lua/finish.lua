-- Ends a run: keeps its exchange, its block and the last events of its log, once.
-- KEYS: meta, exchanges, details, runs, idempotency, blocks, log.
-- ARGV: idle seconds, run id, ended run, message id or '', exchange, details, most exchanges,
-- decision id or '', block, 1 to begin the log anew or 0, seconds to keep it, most events, then
-- sequence number and event, alternating.
-- Returns 0 where the session is gone (nothing is written), else 1. Safe to send twice.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local earlier = redis.call('HGET', KEYS[4], ARGV[2])
if earlier and cjson.decode(earlier)['status'] ~= 'running' then
  return 1
end
redis.call('HSET', KEYS[4], ARGV[2], ARGV[3])
if ARGV[4] ~= '' then
  redis.call('RPUSH', KEYS[2], ARGV[5])
  redis.call('HSET', KEYS[3], ARGV[4], ARGV[6])
  while redis.call('LLEN', KEYS[2]) > tonumber(ARGV[7]) do
    local forgotten = cjson.decode(redis.call('LPOP', KEYS[2]))
    redis.call('HDEL', KEYS[3], forgotten['message_id'])
  end
end
if ARGV[8] ~= '' then
  redis.call('HSET', KEYS[6], ARGV[8], ARGV[9])
end
local now = tonumber(redis.call('TIME')[1])
local ends = tonumber(redis.call('HGET', KEYS[1], 'ends'))
local expiry = math.min(now + tonumber(ARGV[1]), ends)
for i = 1, 6 do
  redis.call('EXPIREAT', KEYS[i], expiry)
end
if ARGV[10] == '1' then
  redis.call('DEL', KEYS[7])
end
local last = 0
local tail = redis.call('XREVRANGE', KEYS[7], '+', '-', 'COUNT', 1)
if #tail > 0 then
  last = tonumber(string.match(tail[1][1], '^%d+'))
end
for i = 13, #ARGV, 2 do
  if tonumber(ARGV[i]) > last then
    redis.call('XADD', KEYS[7], 'MAXLEN', '~', ARGV[12], ARGV[i] .. '-0', 'e', ARGV[i + 1])
  end
end
redis.call('EXPIREAT', KEYS[7], math.min(now + tonumber(ARGV[11]), ends))
return 1

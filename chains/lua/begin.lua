-- Reads a session and enters a run, unless its idempotency key was used before.
-- KEYS: meta, exchanges, details, runs, idempotency, blocks.
-- ARGV: idle seconds, run id, run, idempotency key or '', fingerprint of the request, most exchanges
-- to read.
-- Returns nothing where there is no session, {1, run id, fingerprint} for a repeat,
-- else {0, meta, exchanges}. Safe to send twice.
local meta = redis.call('HGETALL', KEYS[1])
if #meta == 0 then
  return false
end
local now = tonumber(redis.call('TIME')[1])
local ends = tonumber(redis.call('HGET', KEYS[1], 'ends'))
if ARGV[4] ~= '' then
  local earlier = redis.call('HGET', KEYS[5], ARGV[4])
  if earlier and string.sub(earlier, 1, #ARGV[2]) ~= ARGV[2] then
    local gap = string.find(earlier, ' ', 1, true)
    return {1, string.sub(earlier, 1, gap - 1), string.sub(earlier, gap + 1)}
  end
  redis.call('HSET', KEYS[5], ARGV[4], ARGV[2] .. ' ' .. ARGV[5])
end
redis.call('HSET', KEYS[4], ARGV[2], ARGV[3])
local expiry = math.min(now + tonumber(ARGV[1]), ends)
for _, key in ipairs(KEYS) do
  redis.call('EXPIREAT', key, expiry)
end
return {0, meta, redis.call('LRANGE', KEYS[2], -tonumber(ARGV[6]), -1)}

-- Reads a session and keeps it alive.
-- KEYS: meta, exchanges, details, runs, idempotency, blocks. ARGV: idle seconds, 1 to read it whole or 0.
-- Returns nothing where there is no session, else {meta, exchanges, details, runs}.
local meta = redis.call('HGETALL', KEYS[1])
if #meta == 0 then
  return false
end
local now = tonumber(redis.call('TIME')[1])
local ends = tonumber(redis.call('HGET', KEYS[1], 'ends'))
local expiry = math.min(now + tonumber(ARGV[1]), ends)
for _, key in ipairs(KEYS) do
  redis.call('EXPIREAT', key, expiry)
end
if ARGV[2] == '0' then
  return {meta, {}, {}, {}}
end
return {
  meta,
  redis.call('LRANGE', KEYS[2], 0, -1),
  redis.call('HGETALL', KEYS[3]),
  redis.call('HGETALL', KEYS[4]),
}

-- Begins a session.
-- KEYS: meta. ARGV: idle seconds, lifetime seconds, then field and value of everything to keep.
-- Returns when it ends at the latest, in seconds since 1970.
local now = tonumber(redis.call('TIME')[1])
local ends = now + tonumber(ARGV[2])
redis.call('HSET', KEYS[1], 'started', now, 'ends', ends)
for i = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('EXPIREAT', KEYS[1], math.min(now + tonumber(ARGV[1]), ends))
return {tostring(now), tostring(ends)}

-- Erases everything about a session in one step.
-- KEYS: meta, exchanges, details, runs, idempotency, blocks. ARGV: prefix of the runs' logs (same slot).
-- Returns its runs, so that those still going can be stopped.
for _, run in ipairs(redis.call('HKEYS', KEYS[4])) do
  redis.call('DEL', ARGV[1] .. run)
end
local runs = redis.call('HVALS', KEYS[4])
redis.call('DEL', unpack(KEYS))
return runs

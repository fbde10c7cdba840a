-- Gives the arbiter settled orders back, as settle.lua leaves them.
-- KEYS: rebuild, order...
-- ARGV: token, seconds that a settled order is kept, (state, fingerprint, payload, tier, quantity, amount, currency)...
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'SUPERSEDED'} end
local fields = 7
for i = 2, #KEYS do
  local at = 2 + (i - 2) * fields
  redis.call('HSET', KEYS[i], 'state', ARGV[at + 1], 'fp', ARGV[at + 2], 'payload', ARGV[at + 3],
    'tier', ARGV[at + 4], 'qty', ARGV[at + 5], 'amount', ARGV[at + 6], 'currency', ARGV[at + 7])
  redis.call('EXPIRE', KEYS[i], ARGV[2])
end
return {'RESTORED'}

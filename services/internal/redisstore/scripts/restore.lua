-- Gives the arbiter settled orders back, as settle.lua leaves them, and counts those that
-- are confirmed against limits.
-- KEYS: rebuild, buyers, promos, order...
-- ARGV: token, milliseconds that the claim lasts, (seconds that the order is kept, state, fingerprint, payload, tier, quantity, amount, currency,
--       buyer's field, promo code's field)...
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'SUPERSEDED'} end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local buyers, promos = KEYS[2], KEYS[3]
local fields = 10
for i = 4, #KEYS do
  local at = 2 + (i - 4) * fields
  local keep, state, fp, payload, tier, qty, amount, currency, buyer, promo = unpack(ARGV, at + 1, at + fields)
  if tonumber(keep) > 0 then
    redis.call('HSET', KEYS[i], 'state', state, 'fp', fp, 'payload', payload,
      'tier', tier, 'qty', qty, 'amount', amount, 'currency', currency, 'buyer', buyer)
    if promo ~= '' then redis.call('HSET', KEYS[i], 'promo', promo) end
    redis.call('EXPIRE', KEYS[i], keep)
  end
  if state == 'CONFIRMED' then
    redis.call('HINCRBY', buyers, buyer, qty)
    if promo ~= '' then redis.call('HINCRBY', promos, promo, 1) end
  end
end
return {'RESTORED'}

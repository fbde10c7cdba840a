-- Decides about one order: all of it, or nothing. See checkout.Reservations.
-- KEYS: order, epoch, stock, outbox, pending
-- ARGV: order id, fingerprint, the caller's epoch, tier, quantity, amount, currency, payload, outbox limit
local order, epoch, stock, outbox, pending = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, fp, expected, tier, qty, amount, currency, payload, limit =
  ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]

-- A known order gets its answer also while the sale is paused.
local known = redis.call('HMGET', order, 'fp', 'state', 'payload', 'cancel')
if known[1] then
  if known[1] ~= fp then return {'KEY_REUSED'} end
  return {'KNOWN', known[2], known[3], known[4] or ''}
end

local present = redis.call('GET', epoch)
if not present or present ~= expected then return {'SALE_PAUSED', present or ''} end
if redis.call('ZCARD', outbox) >= tonumber(limit) then return {'OUTBOX_FULL'} end
local left = redis.call('HGET', stock, tier)
if not left then return {'NOT_ON_SALE'} end
if tonumber(left) < tonumber(qty) then return {'SOLD_OUT'} end

-- From here on only writes: Redis does not roll back.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HINCRBY', stock, tier, '-' .. qty)
redis.call('HSET', order, 'state', 'PENDING', 'fp', fp, 'payload', payload,
  'tier', tier, 'qty', qty, 'amount', amount, 'currency', currency)
redis.call('ZADD', outbox, now, id)
redis.call('HINCRBY', pending, tier .. ':orders', 1)
redis.call('HINCRBY', pending, tier .. ':tickets', qty)
redis.call('HINCRBY', pending, tier .. ':amount', amount)
redis.call('HSET', pending, tier .. ':currency', currency)
return {'RESERVED'}

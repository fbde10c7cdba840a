-- Decides about one order: all of it, or nothing. See checkout.Reservations.
-- KEYS: order, epoch, stock, outbox, pending, rules, buyers, promos
-- ARGV: order id, fingerprint, the caller's epoch, tier, quantity, amount, currency, payload, outbox limit,
--       buyer's field, promo code's field ('' without a code), promo code's rule
local order, epoch, stock, outbox, pending, rules, buyers, promos =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local id, fp, expected, tier, qty, amount, currency, payload, limit, buyer, promo, promoRule =
  ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12]

-- A rule is a window in milliseconds and a bound; 0 is none.
local function read(rule)
  local from, till, most = string.match(rule, '^(%d+) (%d+) (%d+)$')
  return tonumber(from), tonumber(till), tonumber(most)
end

local function within(now, from, till)
  return now >= from and (till == 0 or now < till)
end

-- A known order gets its answer also while the sale is paused, or closed.
local known = redis.call('HMGET', order, 'fp', 'state', 'payload', 'cancel')
if known[1] then
  if known[1] ~= fp then return {'KEY_REUSED'} end
  return {'KNOWN', known[2], known[3], known[4] or ''}
end

local present = redis.call('GET', epoch)
if not present or present ~= expected then return {'SALE_PAUSED', present or ''} end
if redis.call('ZCARD', outbox) >= tonumber(limit) then return {'OUTBOX_FULL'} end
local left = redis.call('HGET', stock, tier)
local rule = redis.call('HMGET', rules, tier, promoRule)
if not left or not rule[1] then return {'NOT_ON_SALE'} end

-- The time is this server's: no pod's clock opens or closes a sale.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local opens, closes, perBuyer = read(rule[1])
if not within(now, opens, closes) then return {'SALE_CLOSED'} end
if tonumber(left) < tonumber(qty) then return {'SOLD_OUT'} end
if perBuyer > 0 then
  local held = tonumber(redis.call('HGET', buyers, buyer) or '0')
  if held + tonumber(qty) > perBuyer then return {'BUYER_LIMIT', string.format('%d', perBuyer)} end
end
if promo ~= '' then
  if not rule[2] then return {'PROMO_UNKNOWN'} end
  local from, till, most = read(rule[2])
  if not within(now, from, till) then return {'PROMO_NOT_VALID'} end
  if most > 0 and tonumber(redis.call('HGET', promos, promo) or '0') >= most then return {'PROMO_USED_UP'} end
end

-- From here on only writes: Redis does not roll back. Seats and uses are counted where there is no
-- limit too, so that one that comes later finds what is held.
redis.call('HINCRBY', stock, tier, '-' .. qty)
redis.call('HINCRBY', buyers, buyer, qty)
redis.call('HSET', order, 'state', 'PENDING', 'fp', fp, 'payload', payload,
  'tier', tier, 'qty', qty, 'amount', amount, 'currency', currency, 'buyer', buyer)
if promo ~= '' then
  redis.call('HINCRBY', promos, promo, 1)
  redis.call('HSET', order, 'promo', promo)
end
redis.call('ZADD', outbox, now, id)
redis.call('HINCRBY', pending, tier .. ':orders', 1)
redis.call('HINCRBY', pending, tier .. ':tickets', qty)
redis.call('HINCRBY', pending, tier .. ':amount', amount)
redis.call('HSET', pending, tier .. ':currency', currency)
return {'RESERVED'}

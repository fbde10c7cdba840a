-- Marks an order as cancelled and puts its cancellation into the outbox: all of it, or
-- nothing. Repeating it changes nothing. See checkout.Cancellations. The mark is the epoch in which the
-- cancellation is to be published. The seats are given back by settle.lua, when the ledger has given
-- them back: before, it had no room for whoever buys them.
-- KEYS: order, outbox, epoch, accepted
-- ARGV: order id, outbox limit, the epoch in which a forgotten order may be taken back ('' for none),
--   and for that: fingerprint, payload, tier, quantity, amount, currency, buyer's field, promo code's field
local order, outbox, epoch, accepted = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, limit, expected = ARGV[1], ARGV[2], ARGV[3]

local known = redis.call('HMGET', order, 'state', 'cancel')
local state, mark = known[1], known[2]
if state == 'CANCELLED' or state == 'REFUSED' then return {state} end
local waiting = redis.call('ZSCORE', outbox, id)
if mark then
  if waiting then return {'WAITING', mark} end
  return {'SENT'}
end
if not state and expected == '' then return {'NOT_KNOWN'} end
local present = redis.call('GET', epoch)
if not present or not state and present ~= expected then return {'SALE_PAUSED'} end
if not waiting and redis.call('ZCARD', outbox) >= tonumber(limit) then return {'OUTBOX_FULL'} end

-- From here on only writes: Redis does not roll back.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not state then
  redis.call('HSET', order, 'state', 'CONFIRMED', 'fp', ARGV[4], 'payload', ARGV[5],
    'tier', ARGV[6], 'qty', ARGV[7], 'amount', ARGV[8], 'currency', ARGV[9], 'buyer', ARGV[10])
  if ARGV[11] ~= '' then redis.call('HSET', order, 'promo', ARGV[11]) end
end
redis.call('HSET', order, 'cancel', present)
redis.call('PERSIST', order) -- only an order that is there can be settled once
redis.call('ZADD', outbox, now, id)
redis.call('ZREM', accepted, id)
return {'WAITING', present}

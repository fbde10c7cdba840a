-- Marks orders as the ledger has decided and tells the pods that took them. An order
-- that is settled already, or that nobody knows, stays as it is, but for a CONFIRMED one
-- that becomes CANCELLED. That step is taken once: it gives the seats back to the pool.
-- KEYS: outbox, pending, stock, accepted, buyers, promos, order...
-- ARGV: seconds that a settled order is kept, number of orders, (order id, state)..., (channel, announcement)...
local outbox, pending, stock, accepted, buyers, promos = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local keep, count = ARGV[1], tonumber(ARGV[2])

local function minus(n)
  if n == '0' then return n end -- HINCRBY does not take -0
  return '-' .. n
end

-- takeBack lowers a count; one that nobody has any more is not kept.
local function takeBack(counts, field, n)
  if field and redis.call('HINCRBY', counts, field, minus(n)) <= 0 then
    redis.call('HDEL', counts, field)
  end
end

-- giveBack gives the buyer back what an order counted against limits, where it comes to
-- nothing. An order moves into such a state once, so this happens once.
local function giveBack(state, buyer, qty, promo)
  if state == 'REFUSED' or state == 'CANCELLED' then
    takeBack(buyers, buyer, qty)
    takeBack(promos, promo, '1')
  end
end

for i = 1, count do
  local order, id, state = KEYS[i + 6], ARGV[2 * i + 1], ARGV[2 * i + 2]
  local was = redis.call('HMGET', order, 'state', 'tier', 'qty', 'amount', 'buyer', 'promo', 'cancel')
  local tier, qty, amount, buyer, promo, marked = was[2], was[3], was[4], was[5], was[6], was[7]
  local live = was[1] == 'PENDING' or was[1] == 'ACCEPTED'
  local returned = state == 'CANCELLED' and (live or was[1] == 'CONFIRMED')
  if live or returned then
    redis.call('HSET', order, 'state', state)
    if state ~= 'CONFIRMED' or not marked then -- else its cancellation is still to come
      redis.call('EXPIRE', order, keep)
      redis.call('ZREM', outbox, id)
      redis.call('ZREM', accepted, id)
    end
    giveBack(state, buyer, qty, promo)
  end
  if live then
    redis.call('HINCRBY', pending, tier .. ':orders', -1)
    redis.call('HINCRBY', pending, tier .. ':tickets', minus(qty))
    redis.call('HINCRBY', pending, tier .. ':amount', minus(amount))
  end
  if returned and redis.call('HEXISTS', stock, tier) == 1 then
    redis.call('HINCRBY', stock, tier, qty)
  end
end
for i = 2 * count + 3, #ARGV, 2 do
  redis.call('PUBLISH', ARGV[i], ARGV[i + 1])
end
return redis.status_reply('OK')

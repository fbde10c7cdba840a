-- Marks orders as the ledger has decided and tells the pods that took them. An order
-- that is settled already, or that nobody knows, stays as it is.
-- KEYS: outbox, pending, accepted, buyers, promos, order...
-- ARGV: seconds that a settled order is kept, number of orders, (order id, state)..., (channel, announcement)...
local outbox, pending, accepted, buyers, promos = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
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
  if state == 'REFUSED' then
    takeBack(buyers, buyer, qty)
    takeBack(promos, promo, '1')
  end
end

for i = 1, count do
  local order, id, state = KEYS[i + 5], ARGV[2 * i + 1], ARGV[2 * i + 2]
  local was = redis.call('HMGET', order, 'state', 'tier', 'qty', 'amount', 'buyer', 'promo')
  if was[1] == 'PENDING' or was[1] == 'ACCEPTED' then
    local tier = was[2]
    redis.call('HSET', order, 'state', state)
    redis.call('EXPIRE', order, keep)
    redis.call('ZREM', outbox, id)
    redis.call('ZREM', accepted, id)
    redis.call('HINCRBY', pending, tier .. ':orders', -1)
    redis.call('HINCRBY', pending, tier .. ':tickets', minus(was[3]))
    redis.call('HINCRBY', pending, tier .. ':amount', minus(was[4]))
    giveBack(state, was[5], was[3], was[6])
  end
end
for i = 2 * count + 3, #ARGV, 2 do
  redis.call('PUBLISH', ARGV[i], ARGV[i + 1])
end
return redis.status_reply('OK')

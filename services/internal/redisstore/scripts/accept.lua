-- Notes that the broker has the orders, or the cancellations: PENDING becomes ACCEPTED,
-- never anything back. What waits in the outbox as a cancellation leaves it as one only.
-- KEYS: outbox, order...
-- ARGV: 'order' or 'cancel', order id...
local outbox, cancelled = KEYS[1], ARGV[1] == 'cancel'
for i = 2, #ARGV do
  local order = KEYS[i]
  local known = redis.call('HMGET', order, 'state', 'cancel')
  local pending, marked = known[1] == 'PENDING', known[2]
  if pending and (marked or not cancelled) then
    redis.call('HSET', order, 'state', 'ACCEPTED')
  end
  if cancelled and marked or pending and not cancelled and not marked then
    redis.call('ZREM', outbox, ARGV[i])
  end
end
return redis.status_reply('OK')

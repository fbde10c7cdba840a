-- Notes that the broker has the orders, or the cancellations: PENDING becomes ACCEPTED,
-- never anything back. What waits in the outbox as a cancellation leaves it as one only. What is
-- ACCEPTED already was put into the outbox again: see remind.lua.
-- KEYS: outbox, accepted, order...
-- ARGV: 'order' or 'cancel', order id...
local outbox, accepted, cancelled = KEYS[1], KEYS[2], ARGV[1] == 'cancel'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV do
  local order, id = KEYS[i + 1], ARGV[i]
  local known = redis.call('HMGET', order, 'state', 'cancel')
  local state, marked = known[1], known[2]
  local live = state == 'PENDING' or state == 'ACCEPTED'
  if state == 'PENDING' and (marked or not cancelled) then
    redis.call('HSET', order, 'state', 'ACCEPTED')
  end
  if cancelled and marked and (live or state == 'CONFIRMED') or live and not cancelled and not marked then
    redis.call('ZADD', accepted, now, id)
    redis.call('ZREM', outbox, id)
  end
end
return redis.status_reply('OK')

-- Claims the orders that have waited longest in the outbox, and makes them look new.
-- Answers the payload of each, and the mark of a cancelled one: the epoch to publish its cancellation in.
-- KEYS: outbox
-- ARGV: least age in milliseconds, how many at most, prefix of order keys
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1], 'LIMIT', 0, ARGV[2])
local claimed = {}
for _, id in ipairs(due) do
  local order = redis.call('HMGET', ARGV[3] .. id, 'payload', 'cancel')
  if order[1] then
    redis.call('ZADD', KEYS[1], now, id)
    claimed[#claimed + 1] = order[1]
    claimed[#claimed + 1] = order[2] or ''
  else
    redis.call('ZREM', KEYS[1], id) -- an order that is gone cannot be published
  end
end
return claimed

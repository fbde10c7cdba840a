-- Claims the orders that have waited longest in the outbox, and makes them look new.
-- KEYS: outbox
-- ARGV: least age in milliseconds, how many at most, prefix of order keys
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1], 'LIMIT', 0, ARGV[2])
local payloads = {}
for _, id in ipairs(due) do
  local payload = redis.call('HGET', ARGV[3] .. id, 'payload')
  if payload then
    redis.call('ZADD', KEYS[1], now, id)
    payloads[#payloads + 1] = payload
  else
    redis.call('ZREM', KEYS[1], id) -- an order that is gone cannot be published
  end
end
return payloads

-- Notes that the broker has the orders: PENDING becomes ACCEPTED, never anything back.
-- An order that is ACCEPTED already was put into the outbox again: see remind.lua.
-- KEYS: outbox, accepted, order...
-- ARGV: order id...
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i, id in ipairs(ARGV) do
  local state = redis.call('HGET', KEYS[i + 2], 'state')
  if state == 'PENDING' or state == 'ACCEPTED' then
    redis.call('HSET', KEYS[i + 2], 'state', 'ACCEPTED')
    redis.call('ZADD', KEYS[2], now, id)
    redis.call('ZREM', KEYS[1], id)
  end
end
return redis.status_reply('OK')

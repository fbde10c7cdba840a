-- Notes that the broker has the orders: PENDING becomes ACCEPTED, never anything back.
-- KEYS: outbox, order...
-- ARGV: order id...
for i, id in ipairs(ARGV) do
  local order = KEYS[i + 1]
  if redis.call('HGET', order, 'state') == 'PENDING' then
    redis.call('HSET', order, 'state', 'ACCEPTED')
    redis.call('ZREM', KEYS[1], id)
  end
end
return redis.status_reply('OK')

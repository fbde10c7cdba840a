-- Puts orders that were accepted long ago and never settled into the outbox again.
-- KEYS: accepted, outbox
-- ARGV: least age in milliseconds, how many at most
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local overdue = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(overdue) do
  redis.call('ZADD', KEYS[2], 0, id) -- the oldest of all: any relay may claim it now
  redis.call('ZREM', KEYS[1], id)
end
return #overdue

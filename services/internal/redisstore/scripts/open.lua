-- Fills the pools and begins the sale, as a whole, at the end of a rebuild.
-- KEYS: rebuild, epoch, stock, capacity, catalog, rules
-- ARGV: token, epoch, catalog, number of tiers, (tier, capacity, seats left)..., (name, rule)...
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'SUPERSEDED'} end
local last = 4 + 3 * tonumber(ARGV[4])
redis.call('DEL', KEYS[1], KEYS[3], KEYS[4], KEYS[6])
for i = 5, last, 3 do
  redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1])
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 2])
end
for i = last + 1, #ARGV, 2 do
  redis.call('HSET', KEYS[6], ARGV[i], ARGV[i + 1])
end
redis.call('SET', KEYS[5], ARGV[3])
redis.call('SET', KEYS[2], ARGV[2])
return {'OPENED'}

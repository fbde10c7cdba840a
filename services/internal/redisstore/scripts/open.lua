-- Fills the pools and begins the sale, as a whole, at the end of a rebuild.
-- KEYS: rebuild, epoch, stock, capacity, catalog
-- ARGV: token, epoch, catalog, (tier, capacity, seats left)...
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'SUPERSEDED'} end
redis.call('DEL', KEYS[1], KEYS[3], KEYS[4])
for i = 4, #ARGV, 3 do
  redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1])
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 2])
end
redis.call('SET', KEYS[5], ARGV[3])
redis.call('SET', KEYS[2], ARGV[2])
return {'OPENED'}

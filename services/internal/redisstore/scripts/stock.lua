-- Gives each tier's pool what its capacity has grown by, takes what it has shrunk by, replaces
-- the rules and publishes the catalog. Where one pool has too few seats to take, nothing changes.
-- KEYS: stock, capacity, catalog, rules
-- ARGV: catalog, number of tiers, (tier, capacity)..., (name, rule)...
local stock, capacity, rules = KEYS[1], KEYS[2], KEYS[4]
local last = 2 + 2 * tonumber(ARGV[2])
local growth = {}
for i = 3, last, 2 do
  local tier = ARGV[i]
  local grown = tonumber(ARGV[i + 1]) - tonumber(redis.call('HGET', capacity, tier) or '0')
  local left = tonumber(redis.call('HGET', stock, tier) or '0') + grown
  if left < 0 then return {'TOO_FEW', tier, tostring(-left)} end
  growth[tier] = grown
end

for i = 3, last, 2 do
  redis.call('HINCRBY', stock, ARGV[i], growth[ARGV[i]])
  redis.call('HSET', capacity, ARGV[i], ARGV[i + 1])
end
redis.call('DEL', rules)
for i = last + 1, #ARGV, 2 do
  redis.call('HSET', rules, ARGV[i], ARGV[i + 1])
end
redis.call('SET', KEYS[3], ARGV[1])
return {'STOCKED'}

-- Empties an arbiter for a rebuild, unless it is open in another epoch than the stale one.
-- The orders themselves are deleted outside, since they may be many.
-- KEYS: rebuild, epoch, and what is emptied...
-- ARGV: token, stale epoch or ''
local epoch = redis.call('GET', KEYS[2])
if epoch and epoch ~= ARGV[2] then return {'OPEN', epoch} end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('DEL', unpack(KEYS, 2))
return {'BEGUN'}

-- Claims an arbiter for a rebuild and empties it, unless it is open in another epoch than the
-- stale one, or another rebuild has the claim. The orders themselves are deleted outside, since they may be many.
-- KEYS: rebuild, epoch, and what is emptied...
-- ARGV: token, stale epoch or '', milliseconds that the claim lasts
local holder, epoch = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
if epoch and epoch ~= ARGV[2] then return {'OPEN', epoch} end
if holder and holder ~= ARGV[1] then return {'BUSY'} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
redis.call('DEL', unpack(KEYS, 2))
return {'BEGUN'}

-- Tests the stand-ins for lua-resty libraries: stand-ins.lua FOLDER-OF-LUA.
package.path = arg[1] .. "/?.lua;" .. package.path

-- What of nginx they use.
local dict = {}
function dict:add(key, value) if self[key] then return false, "exists" end self[key] = value return true end
function dict:delete(key) self[key] = nil end
ngx = {
  shared = { locks = dict },
  crc32_long = function(text)
    local sum = 0
    for i = 1, #text do sum = (sum * 31 + text:byte(i)) % 4294967296 end
    return sum
  end,
}

local function counts(balancer, calls)
  local count = {}
  for _ = 1, calls do
    local node = balancer:find()
    count[node] = (count[node] or 0) + 1
  end
  return count
end

-- roundrobin: equal shares, weights, and no node at all.
local balancer = require("resty.roundrobin"):new({ a = 1, b = 1, c = 1 })
for node, count in pairs(counts(balancer, 30)) do assert(count == 10, node .. " was chosen " .. count .. " times") end
balancer:reinit({ a = 2, b = 1 })
local count = counts(balancer, 30)
assert(count.a == 20 and count.b == 10, "weights are not kept")
balancer:reinit({})
assert(balancer:find() == nil, "an empty balancer has a node")

-- chash: the same key finds the same node; losing another node moves no key.
local hash = require("resty.chash"):new({ a = 1, b = 1, c = 1 })
local before = {}
for key = 1, 100 do before[key] = hash:find(key) end
hash:reinit({ a = 1, b = 1 })
for key = 1, 100 do
  assert(before[key] == "c" or before[key] == hash:find(key), "key " .. key .. " moved without need")
end

-- lock: held once, free again after unlock.
local first, second = require("resty.lock"):new("locks"), require("resty.lock"):new("locks")
assert(first:lock("k") == 0, "a free lock is refused")
assert(second:lock("k") == nil, "a held lock is given away")
first:unlock()
assert(second:lock("k") == 0, "a released lock is refused")

-- What is absent says so.
for _, name in ipairs({ "http", "ipmatcher", "global_throttle" }) do
  local made, err = require("resty." .. name).new()
  assert(made == nil and err:find("not part of this image", 1, true), name .. " does not say that it is absent")
end

#!lua flags=no-writes
-- Parked and held items of a channel, oldest first.
--
-- KEYS  1 parked, 2 parked-order (kept.lua)
-- ARGV  id to start behind (0: from the first), how many at most, receipt or ""
-- reply for each: id, description, sealed, note

local after, limit, receipt = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local ids = {}
if receipt == "" then
  ids = redis.call("ZRANGEBYSCORE", KEYS[2], "(" .. ARGV[1], "+inf", "LIMIT", 0, limit)
else
  for id in (redis.call("HGET", KEYS[1], "r:" .. receipt) or ""):gmatch("%S+") do
    if tonumber(id) > after and #ids < limit then ids[#ids + 1] = id end
  end
end
local items = {}
for i, id in ipairs(ids) do
  local item = redis.call("HMGET", KEYS[1], id, id .. ":sealed", id .. ":note")
  items[i] = {id, item[1], item[2] or "", item[3] or ""}
end
return items

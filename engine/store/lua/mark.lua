#!lua flags=allow-oom
-- Count the store's mark up; where the caller knows a higher one, this is an old copy: pause lanes,
-- and doubt the privacy registry, unless it is known to have lost nothing.
--
-- KEYS  1 meta (mark: counted up at every start and every second; registry: footing.lua), 2 ledger,
--       3 privacy-versions, then lanes (claim.lua; restored: copies of receipts before this one may
--       have been sent in what this store forgot)
-- ARGV  known mark (0: none), must the caller know one that exists (0 or 1), receipt before which
--       everything may be a repetition, reason, version of the registry that was noted (-1: none),
--       may an archive know of a store before this one (0 or 1), then a record for each lane
-- reply mark, 1 if lanes were paused, else 0, version of the registry
-- use clock footing

local known, must_know, noted = tonumber(ARGV[1]), ARGV[2] == "1", tonumber(ARGV[5])
local mark, newest = redis.call("HINCRBY", KEYS[1], "mark", 1), newest_version(KEYS[3])
local is_older = mark <= known or (must_know and known == 0 and mark > 1)
local is_new = mark == 1 and known == 0

if (is_older and (noted < 0 or newest < noted)) or (is_new and ARGV[6] == "1") then
  redis.call("HSETNX", KEYS[1], "registry", cjson.encode(
    {since_ms = tonumber(now_ms()), noted = noted, is_new = is_new}))
end
if not is_older then return {mark, 0, newest} end

for i = 4, #KEYS do
  redis.call("HSET", KEYS[i], "restored", ARGV[3])
  if redis.call("HGET", KEYS[i], "order") ~= "kill" then
    redis.call("HSET", KEYS[i], "order", "pause", "reason", ARGV[4])
  end
  redis.call("XADD", KEYS[2], "*", "r", ARGV[i + 3])
end
mark = math.max(mark, known + 1)
redis.call("HSET", KEYS[1], "mark", text(mark))
return {mark, 1, newest}

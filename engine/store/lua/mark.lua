#!lua flags=allow-oom
-- Count the store's mark up; where the caller knows a higher one, this is an old copy: pause lanes.
--
-- KEYS  1 meta (mark: counted up at every start and every second), 2 ledger, then lanes (claim.lua;
--       restored: copies of receipts before this one may have been sent in what this store forgot)
-- ARGV  known mark (0: none), must the caller know one that exists (0 or 1), receipt before which
--       everything may be a repetition, reason, then a record for each lane
-- reply mark, 1 if lanes were paused, else 0
-- use clock

local known, must_know = tonumber(ARGV[1]), ARGV[2] == "1"
local mark = redis.call("HINCRBY", KEYS[1], "mark", 1)
local is_older = mark <= known or (must_know and known == 0 and mark > 1)
if not is_older then return {mark, 0} end

for i = 3, #KEYS do
  redis.call("HSET", KEYS[i], "restored", ARGV[3])
  if redis.call("HGET", KEYS[i], "order") ~= "kill" then
    redis.call("HSET", KEYS[i], "order", "pause", "reason", ARGV[4])
  end
  redis.call("XADD", KEYS[2], "*", "r", ARGV[i + 2])
end
mark = math.max(mark, known + 1)
redis.call("HSET", KEYS[1], "mark", text(mark))
return {mark, 1}

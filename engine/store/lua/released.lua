#!lua flags=allow-oom
-- Read the oldest receipts on the released list; what is learned from now on is news again.
--
-- KEYS  1 released, 2 released-news (kept.lua)
-- ARGV  how many at most
-- reply receipts, oldest first

local receipts = redis.call("ZRANGE", KEYS[1], 0, ARGV[1] - 1)
for _, receipt in ipairs(receipts) do redis.call("SREM", KEYS[2], receipt) end
return receipts

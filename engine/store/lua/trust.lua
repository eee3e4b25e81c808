#!lua flags=allow-oom
-- Believe the privacy registry again.
--
-- KEYS  1 meta (footing.lua), 2 ledger
-- ARGV  record
-- reply 1, or 0 when it was not doubted: then nothing is done
if redis.call("HDEL", KEYS[1], "registry") == 0 then return 0 end
redis.call("XADD", KEYS[2], "*", "r", ARGV[1])
return 1

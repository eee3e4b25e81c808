#!lua flags=allow-oom
-- Take back what was learned under one key, unless something else was learned there since.
--
-- KEYS  1 coverage
-- ARGV  key, what stood there
-- reply nothing

if redis.call("HGET", KEYS[1], ARGV[1]) == ARGV[2] then redis.call("HDEL", KEYS[1], ARGV[1]) end
return nil

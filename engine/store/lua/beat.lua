#!lua flags=allow-oom
-- Publish an engine's state, and drop those that are no longer published.
--
-- KEYS  1 engines (hash): engine → "UNTIL_MS state"
-- ARGV  engine, state, for how many ms
-- reply nothing
-- use clock

local now = now_ms()
local engines = redis.call("HGETALL", KEYS[1])
for i = 1, #engines, 2 do
  if tonumber(engines[i + 1]:match("^%d+")) <= now then redis.call("HDEL", KEYS[1], engines[i]) end
end
redis.call("HSET", KEYS[1], ARGV[1], text(now + ARGV[3]) .. " " .. ARGV[2])
return nil

#!lua flags=allow-oom
-- Become the holder of a lane, under the next fence.
--
-- KEYS  1 lane (hash): holder, fence, until_ms (end of the lease), turn, answer (of that turn:
--       "opened", or "WHY WAIT_MS"), open (entry of the open attempt), opened_ms, doubtful (1: the
--       open attempt was a possible duplicate), attempts, unknown (1: an attempt on the head has an
--       unknown outcome), not_before_ms, postponed_ms (when it was set), error, order, reason, ack,
--       ack_ms
-- ARGV  holder, lease in ms, takeover (0 or 1)
-- reply fence (0: somebody else holds it), ms until that lease ends
-- use clock

local now = now_ms()
local lane = redis.call("HMGET", KEYS[1], "holder", "until_ms", "open")
local left = (tonumber(lane[2] or 0)) - now
if left > tonumber(ARGV[2]) then  -- the clock was set back: no lease is longer than from now on
  left = tonumber(ARGV[2])
  redis.call("HSET", KEYS[1], "until_ms", text(now + left))
end
if left > 0 and lane[1] ~= ARGV[1] and ARGV[3] == "0" then return {0, left} end
if lane[3] and lane[3] ~= "" then
  redis.call("HSET", KEYS[1], "open", "", "unknown", "1")
end
redis.call("HSET", KEYS[1], "holder", ARGV[1], "until_ms", text(now + ARGV[2]),
  "turn", "0", "answer", "")
return {redis.call("HINCRBY", KEYS[1], "fence", 1), 0}

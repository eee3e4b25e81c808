#!lua flags=allow-oom
-- Give a lane an order, in force at its next step.
--
-- KEYS  1 lane (claim.lua), 2 ledger, 3 meta, 4–7 receipts:0…3 (the order's identity → the reply)
-- ARGV  identity of the order, order (pause, resume, kill), reason, record
-- reply 1, or 0 when it changed nothing: a killed lane is not paused
-- use clock window

local lane, ledger, meta = KEYS[1], KEYS[2], KEYS[3]
local windows = {KEYS[4], KEYS[5], KEYS[6], KEYS[7]}
local identity, order, reason, record = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local now = now_ms()
local window = current_window(meta, windows, now)
local done = find(windows, window, identity)
if done then return tonumber(done) end

local effective = 1
if order == "resume" then
  redis.call("HSET", lane, "order", "", "reason", "", "not_before_ms", "0")
elseif order == "pause" and redis.call("HGET", lane, "order") == "kill" then
  effective = 0
else
  redis.call("HSET", lane, "order", order, "reason", reason)
end
redis.call("XADD", ledger, "*", "r", record)
remember(windows, window, now, identity, effective)
return effective

#!lua flags=no-writes
-- What can be seen of engines and lanes.
--
-- KEYS  1 engines (beat.lua), then for each channel: lane, out, counts
-- reply now in ms; engines as id, state, id, state…; then a list for each channel: depth, id of the
--       head or "", the lane's open, attempts, not_before_ms, error, order, reason, ack, ack_ms,
--       and the counters parked, held, waiting, delivered, withheld, duplicates
-- use clock

local now = now_ms()
local live = {}
local engines = redis.call("HGETALL", KEYS[1])
for i = 1, #engines, 2 do
  local until_ms, state = engines[i + 1]:match("^(%d+) (.*)$")
  if tonumber(until_ms) > now then
    live[#live + 1] = engines[i]
    live[#live + 1] = state
  end
end

local reply = {now, live}
for i = 2, #KEYS, 3 do
  local head = redis.call("XRANGE", KEYS[i + 1], "-", "+", "COUNT", 1)[1]
  local view = {redis.call("XLEN", KEYS[i + 1]), head and head[1] or ""}
  local function add(values)
    for _, value in ipairs(values) do view[#view + 1] = value or "" end
  end
  add(redis.call("HMGET", KEYS[i], "open", "attempts", "not_before_ms", "error", "order", "reason",
    "ack", "ack_ms"))
  add(redis.call("HMGET", KEYS[i + 2], "parked", "held", "waiting", "delivered", "withheld",
    "duplicates"))
  reply[#reply + 1] = view
end
return reply

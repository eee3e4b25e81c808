#!lua
-- Put a new decision beside those of a message that is done with for a channel.
-- Refused whole, before it writes anything, when the store is full (no allow-oom).
--
-- KEYS  1 out, 2 counts, 3 parts, 4 parked, 5 parked-order, 6 journal, 7 pending, 8 ledger,
--       9 coverage, 10 waits, 11 released, 12 released-news, 13 meta, 14–17 receipts:0…3
--       (there: the order's identity → whose it was), 18 privacy-versions (footing.lua)
-- ARGV  identity of the order (channel, receipt, which time), whose it is, channel (name), receipt,
--       sealed message, record, parts that were delivered, or "" where it was never decided for the
--       channel, "1" where a copy may be there already, of the footing: version, until (ms, or
--       empty), patients, then "copies", number, each: part, sealed, note, then what they teach:
--       key, sealed…; or "hold", reason, keys…; or "withhold"
-- reply 1, or 0 when another order was first, or parts of the message are not done with
-- use clock tally kept window footing

local out, counts, parts, parked, order = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local journal, pending, ledger, coverage, waits = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local released, news, meta = KEYS[11], KEYS[12], KEYS[13]
local windows = {KEYS[14], KEYS[15], KEYS[16], KEYS[17]}
local identity, whose, channel, receipt = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local sealed, record, delivered, doubtful = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local version, until_ms, patients, way = ARGV[9], ARGV[10], ARGV[11], ARGV[12]

local now = now_ms()
local window = current_window(meta, windows, now)
local first = find(windows, window, identity)
if first then return first == whose and 1 or 0 end
if redis.call("HEXISTS", parts, receipt) == 1 then return 0 end
if redis.call("HEXISTS", parked, "r:" .. receipt) == 1 then return 0 end

local part = {parked = 0, held = 0, waiting = 0, delivered = tonumber(delivered) or 0}
local before = delivered ~= "" and state_of(part) or nil

local function enqueue()
  local number = tonumber(ARGV[13])
  for i = 0, number - 1 do
    local copy = {"r", receipt, "p", ARGV[14 + i * 3], "s", ARGV[15 + i * 3],
                  "n", ARGV[16 + i * 3], "v", version, "x", until_ms, "h", patients}
    if doubtful == "1" then
      copy[#copy + 1] = "u"
      copy[#copy + 1] = "1"
    end
    redis.call("XADD", out, "*", unpack(copy))
  end
  for i = 14 + number * 3, #ARGV, 2 do redis.call("HSET", coverage, ARGV[i], ARGV[i + 1]) end
  part.waiting = number
end

local function hold()
  local keys = {}
  for i = 14, #ARGV do keys[#keys + 1] = ARGV[i] end
  local id = keep(parked, order, receipt,
    describe("held", "0", "0", text(now), doubtful == "1" and "1" or "0", receipt, ARGV[13]))
  write_waits(waits, parked, channel, id, receipt, keys)
  part.held = 1
  if any_known(coverage, keys)
    or (#keys > 0 and is_stale(KEYS[18], newest_version(KEYS[18]), tonumber(version), patients,
                               is_doubted(meta))) then
    release(released, news, meta, receipt)
  end
end

if way == "copies" then enqueue() elseif way == "hold" then hold() end
local open = part.waiting + part.held
if open > 0 then redis.call("HSET", journal, receipt, sealed) end
change_pending(pending, journal, receipt, open)
local after = state_of(part)
if before ~= after then
  if before then redis.call("HINCRBY", counts, before, -1) end
  redis.call("HINCRBY", counts, after, 1)
end
write_parts(parts, receipt, part, false)
redis.call("XADD", ledger, "*", "r", record)
remember(windows, window, now, identity, whose)
return 1

#!lua flags=allow-oom
-- Put a new decision in the place of one parked or held item.
--
-- KEYS  1 out, 2 counts, 3 parts, 4 parked, 5 parked-order, 6 journal, 7 pending, 8 ledger,
--       9 coverage, 10 waits, 11 released, 12 released-news, 13 meta, 14–17 receipts:0…3
--       (there: the order's identity → "1"), 18 privacy-versions (footing.lua)
-- ARGV  identity of the order, channel (name), item, record, receipt to take off the released list
--       or "", of the footing: version, until (ms, or empty), patients, then "copies", number, each: part, sealed, note, then what they teach: key, sealed…;
--       or "hold", reason, keys…; or "withhold"
-- reply 1, or 0 when there is no such item
-- use clock tally kept window footing

local out, counts, parts, parked, order = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local journal, pending, ledger, coverage, waits = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local released, news, meta = KEYS[11], KEYS[12], KEYS[13]
local windows = {KEYS[14], KEYS[15], KEYS[16], KEYS[17]}
local identity, channel, id, record, forget = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local version, until_ms, patients, way = ARGV[6], ARGV[7], ARGV[8], ARGV[9]

local now = now_ms()
local window = current_window(meta, windows, now)
if find(windows, window, identity) then return 1 end
local item = read_item(parked, id)
if not item then return 0 end

local function enqueue()
  local number = tonumber(ARGV[10])
  for i = 0, number - 1 do
    local copy = {"r", item.receipt, "p", ARGV[11 + i * 3], "s", ARGV[12 + i * 3],
                  "n", ARGV[13 + i * 3], "v", version, "x", until_ms, "h", patients}
    if item.doubtful == "1" then
      copy[#copy + 1] = "u"
      copy[#copy + 1] = "1"
    end
    redis.call("XADD", out, "*", unpack(copy))
  end
  for i = 11 + number * 3, #ARGV, 2 do redis.call("HSET", coverage, ARGV[i], ARGV[i + 1]) end
  return number
end

-- A new wait for what is already known is over at once; an old one waits for news.
local function hold_again(waited)
  local keys, new = {}, {}
  for i = 11, #ARGV do
    keys[#keys + 1] = ARGV[i]
    if not waited[ARGV[i]] then new[#new + 1] = ARGV[i] end
  end
  redis.call("HDEL", parked, id .. ":sealed", id .. ":note")
  redis.call("HSET", parked, id, describe(
    "held", item.part, item.attempts, item.since_ms, item.doubtful, item.receipt, ARGV[10]))
  write_waits(waits, parked, channel, id, item.receipt, keys)
  local newest = newest_version(KEYS[18])
  if any_known(coverage, new)
    or (#keys > 0 and is_stale(KEYS[18], newest, tonumber(version), patients, is_doubted(meta))) then
    release(released, news, meta, item.receipt)
  end
end

local waited = {}
for _, key in ipairs(read_waits(parked, id)) do waited[key] = true end
end_waits(waits, parked, channel, id, item.receipt)
if forget ~= "" then forget_release(released, news, forget) end
if way == "hold" then
  hold_again(waited)
  recount(counts, parts, item.receipt, item.kind, "held", 1)
else
  forget_item(parked, order, id, item.receipt)
  local number = way == "copies" and enqueue() or 0
  recount(counts, parts, item.receipt, item.kind, number > 0 and "waiting" or "withheld", number)
  change_pending(pending, journal, item.receipt, number - 1)
end
redis.call("XADD", ledger, "*", "r", record)
remember(windows, window, now, identity, "1")
return 1

#!lua
-- Take responsibility for messages: journal, outboxes, holds, counters, record, and the receipt last.
-- Refused whole, before it writes anything, when the store is full (no allow-oom).
--
-- KEYS  1 journal, 2 pending, 3 ledger (stream; field "r": the record), 4 meta,
--       5–8 receipts:0…3, 9 coverage (hash: key → sealed snapshot), 10 waits, 11 released,
--       12 released-news, 13 chain (string),
--       then for each channel: out (stream; fields r receipt, p part, s sealed, n note, and u when
--       an attempt before a replay has an unknown outcome), counts, parts, parked, parked-order
-- ARGV  after, leave: a call that follows another one of its batch names what that one left, so
--       that nothing is accepted behind what was refused; then the number of messages, each:
--       receipt, duplicate key, digest, sealed, record,
--       number of copies, each: channel (index from 0), part, sealed, note,
--       number of holds, each: channel (index), channel (name), reason, number of keys, keys…,
--       number of channels that get nothing: indexes…, number of learned: key, sealed…
-- reply "behind", or one text for each message: "= RECEIPT" (a duplicate of it) or
--       "+ REUSED RECEIPT RELEASED…" with REUSED 0 or 1
--
-- receipts: duplicate key → answer, line feed, digest of the first message of this id;
--           duplicate key, "/", digest → answer, for other contents under the same id
-- use clock tally kept window

local journal, pending, ledger, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local windows = {KEYS[5], KEYS[6], KEYS[7], KEYS[8]}
local coverage, waits, released, news, chain = KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13]

local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end
local function number() return tonumber(take()) end

-- The `which`th key (from 1: out, counts, parts, parked, parked-order) of a channel.
local function key_of(channel, which) return KEYS[13 + channel * 5 + which] end

local function take_message()
  local message = {receipt = take(), key = take(), digest = take(), sealed = take(),
                   record = take(), copies = {}, holds = {}, withheld = {}, learned = {}}
  for i = 1, number() do
    message.copies[i] = {channel = number(), part = take(), sealed = take(), note = take()}
  end
  for i = 1, number() do
    local hold = {channel = number(), name = take(), reason = take(), keys = {}}
    for k = 1, number() do hold.keys[k] = take() end
    message.holds[i] = hold
  end
  for i = 1, number() do message.withheld[i] = number() end
  for i = 1, number() do message.learned[i] = {key = take(), sealed = take()} end
  return message
end

local now = now_ms()

local function store_parts(message)
  local receipt, tallies = message.receipt, {}
  local function tally_of(channel)
    tallies[channel] = tallies[channel] or {copies = 0, holds = 0}
    return tallies[channel]
  end
  for _, copy in ipairs(message.copies) do
    redis.call("XADD", key_of(copy.channel, 1), "*",
      "r", receipt, "p", copy.part, "s", copy.sealed, "n", copy.note)
    local tally = tally_of(copy.channel)
    tally.copies = tally.copies + 1
  end
  for _, hold in ipairs(message.holds) do
    local parked = key_of(hold.channel, 4)
    local line = describe("held", 0, 0, text(now), 0, receipt, hold.reason)
    local id = keep(parked, key_of(hold.channel, 5), receipt, line)
    write_waits(waits, parked, hold.name, id, receipt, hold.keys)
    local tally = tally_of(hold.channel)
    tally.holds = tally.holds + 1
  end
  for channel, tally in pairs(tallies) do
    count_new(key_of(channel, 2), key_of(channel, 3), receipt, tally.copies, tally.holds)
  end
  for _, channel in ipairs(message.withheld) do
    redis.call("HINCRBY", key_of(channel, 2), "withheld", 1)
  end
  local parts = #message.copies + #message.holds
  if parts > 0 or archives(journal) then
    redis.call("HSET", journal, receipt, message.sealed)
  end
  if parts > 0 then redis.call("HSET", pending, receipt, parts) end
end

-- Store what was learned; gives the receipts that it releases, this one if it came too late.
local function learn(message)
  local free, listed = {}, {}
  local function add(receipt)
    if not listed[receipt] then
      listed[receipt] = true
      free[#free + 1] = receipt
      release(released, news, meta, receipt)
    end
  end
  for _, learned in ipairs(message.learned) do
    redis.call("HSET", coverage, learned.key, learned.sealed)
    local from, to = "[" .. learned.key .. " ", "(" .. learned.key .. "!"
    for _, waiting in ipairs(redis.call("ZRANGEBYLEX", waits, from, to)) do
      add(waiting:sub(#learned.key + 2):match("^%S+"))
    end
  end
  for _, hold in ipairs(message.holds) do
    if any_known(coverage, hold.keys) then add(message.receipt) end
  end
  return free
end

local function accept(message, window)
  local other = message.key .. "/" .. message.digest
  local first = find(windows, window, message.key)
  local answer
  if first then
    local line_end = first:find("\n", 1, true)
    if first:sub(line_end + 1) == message.digest then
      answer = first:sub(1, line_end - 1)
    else
      answer = find(windows, window, other)
    end
  end
  if answer then
    local receipt = answer:match("^%+ %d (%S+)")
    return receipt == message.receipt and answer or "= " .. receipt
  end
  store_parts(message)
  local free = learn(message)
  redis.call("XADD", ledger, "*", "r", message.record)
  answer = table.concat({"+", first and "1" or "0", message.receipt, unpack(free)}, " ")
  if first then
    remember(windows, window, now, other, answer)
  else
    remember(windows, window, now, message.key, answer .. "\n" .. message.digest)
  end
  return answer
end

local after, leave = take(), take()
if after ~= "" and redis.call("GET", chain) ~= after then return "behind" end
local window = current_window(meta, windows, now)
local answers = {}
for i = 1, number() do answers[i] = accept(take_message(), window) end
if leave ~= "" then redis.call("SET", chain, leave) end
return answers

#!lua
-- Take responsibility for messages: journal, outboxes, holds, counters, record, and the receipt last.
-- Refused whole, before it writes anything, when the store is full (no allow-oom).
--
-- KEYS  1 journal, 2 pending, 3 ledger (stream; field "r": the record), 4 meta,
--       5–8 receipts:0…3, 9 coverage (hash: key → sealed snapshot), 10 waits, 11 released,
--       12 released-news, 13 chain (string), 14 privacy-versions (footing.lua),
--       15 privacy (enter.lua),
--       then for each channel: out (stream; fields r receipt, p part, s sealed, n note, of the
--       footing v version, x until (ms, or empty) and h patients, and u when an attempt before a
--       replay has an unknown outcome), counts, parts, parked, parked-order;
--       last, for channels whose open attempts are noted, in the reverse order: lane (claim.lua)
-- ARGV  after, leave: a call that follows another one of its batch names what that one left, so
--       that nothing is accepted behind what was refused; then the number of messages, each:
--       how many arguments follow for it, receipt, duplicate key, digest, sealed, record,
--       of the footing: version, until (ms, or empty), patients (16 bytes each),
--       number of copies, each: channel (index from 0), part, sealed, note,
--       number of holds, each: channel (index), channel (name), reason, number of keys, keys…,
--       number of channels that get nothing: indexes…, number of learned: key, sealed…,
--       number of changes of the registry: patient (of the footing), sealed, record…,
--       number of channels whose open attempts the records note: channel (index), channel (name),
--       how far its lane is from the last key…
-- reply "behind", or one text for each message: "= RECEIPT" (a duplicate of it),
--       "~ RECEIPT" (decided on a footing that is stale; nothing was done) or "+ REUSED RECEIPT OPEN
--       RELEASED…" with REUSED 0 or 1, and OPEN how many attempts were open
--
-- receipts: duplicate key → answer, line feed, digest of the first message of this id;
--           duplicate key, "/", digest → answer, for other contents under the same id
-- use clock tally kept window footing attempts

local journal, pending, ledger, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local windows = {KEYS[5], KEYS[6], KEYS[7], KEYS[8]}
local coverage, waits, released, news, chain = KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13]
local versions, privacy = KEYS[14], KEYS[15]

local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end
local function number() return tonumber(take()) end

-- The `which`th key (from 1: out, counts, parts, parked, parked-order) of a channel.
local function key_of(channel, which) return KEYS[15 + channel * 5 + which] end

local now = now_ms()
local after, leave, messages = take(), take(), number()
if after ~= "" and redis.call("GET", chain) ~= after then return "behind" end
local window = current_window(meta, windows, now)
local newest, doubted = newest_version(versions), is_doubted(meta)

-- What was answered under the duplicate keys of these messages, and is while this runs.
local answered = {}
do
  local fields, position = {}, at + 1
  for i = 1, messages do
    fields[i] = ARGV[position + 2]
    position = position + 1 + ARGV[position]
  end
  for age = #windows - 1, 0, -1 do
    local found = redis.call("HMGET", windows[(window - 1 - age) % #windows + 1], unpack(fields))
    for i, value in ipairs(found) do
      if value then answered[fields[i]] = value end
    end
  end
end

-- What is written once for all messages of the call: fields with values, and changes of counters.
local journalled, open, answers_to_keep, changes = {}, {}, {}, {}

local function add(list, field, value)
  list[#list + 1] = field
  list[#list + 1] = value
end

local function count(channel, state)
  local change = changes[channel]
  if not change then
    change = {}
    changes[channel] = change
  end
  change[state] = (change[state] or 0) + 1
end

local function keep_answer(field, answer)
  answered[field] = answer
  add(answers_to_keep, field, answer)
end

-- Store a message's copies and holds; gives the keys that each hold waits for.
local function store_parts(receipt, sealed, version, until_ms, patients)
  local copies, held, channels, waited = {}, {}, {}, {}
  for _ = 1, number() do
    local channel = number()
    redis.call("XADD", key_of(channel, 1), "*", "r", receipt, "p", take(), "s", take(), "n", take(),
      "v", version, "x", until_ms, "h", patients)
    copies[channel] = (copies[channel] or 0) + 1
    channels[channel] = true
  end
  for i = 1, number() do
    local channel, name, reason, keys = number(), take(), take(), {}
    for k = 1, number() do keys[k] = take() end
    local parked = key_of(channel, 4)
    local line = describe("held", 0, 0, text(now), 0, receipt, reason)
    local id = keep(parked, key_of(channel, 5), receipt, line)
    write_waits(waits, parked, name, id, receipt, keys)
    held[channel] = (held[channel] or 0) + 1
    channels[channel] = true
    waited[i] = keys
  end
  local parts = 0
  for channel in pairs(channels) do
    local waiting, holds = copies[channel] or 0, held[channel] or 0
    count(channel, begin(key_of(channel, 3), receipt, waiting, holds))
    parts = parts + waiting + holds
  end
  for _ = 1, number() do count(number(), "withheld") end
  if parts > 0 or archives(journal) then add(journalled, receipt, sealed) end
  if parts > 0 then add(open, receipt, parts) end
  return waited
end

-- Store what was learned; gives the receipts that it releases, this one if it came too late.
local function learn(receipt, waited)
  local free, listed = {}, {}
  local function list(waiting)
    if not listed[waiting] then
      listed[waiting] = true
      free[#free + 1] = waiting
    end
  end
  for _ = 1, number() do
    local key, sealed = take(), take()
    redis.call("HSET", coverage, key, sealed)
    for _, waiting in ipairs(release_waiting(waits, released, news, meta, key)) do list(waiting) end
  end
  for _, keys in ipairs(waited) do
    if any_known(coverage, keys) then
      release(released, news, meta, receipt)
      list(receipt)
    end
  end
  return free
end

-- Where to look for attempts that a change of the registry comes too late for.
local function watched()
  local found = {}
  for i = 1, number() do
    local channel, name, lane = number(), take(), number()
    found[i] = {name, KEYS[#KEYS - lane], key_of(channel, 1)}
  end
  return found
end

-- Change the registry; adds the receipts that this releases, and tells how many were open. Messages that follow, of this very
-- call too, are stale if they are about one of these patients and did not know it.
local function enter(free)
  local listed = {}
  for _, receipt in ipairs(free) do listed[receipt] = true end
  local changes, open = {}, 0
  for i = 1, number() do changes[i] = {take(), take(), take()} end
  local lanes = watched()
  for _, change in ipairs(changes) do
    local patient, sealed, record = unpack(change)
    local attempts = {}
    for _, lane in ipairs(lanes) do
      attempts[#attempts + 1] = open_attempt(lane[1], lane[2], lane[3], patient)
    end
    open = open + #attempts
    newest = newest + 1
    redis.call("HSET", privacy, patient, text(newest) .. " " .. sealed)
    redis.call("ZADD", versions, text(newest), patient)
    for _, waiting in ipairs(release_waiting(waits, released, news, meta, patient)) do
      if not listed[waiting] then
        listed[waiting] = true
        free[#free + 1] = waiting
      end
    end
    redis.call("XADD", ledger, "*", "r", changed(newest, attempts, record))
  end
  return free, open
end

local function accept()
  local receipt, key, digest, sealed, record = take(), take(), take(), take(), take()
  local first, other, answer = answered[key], key .. "/" .. digest, nil
  if first then
    local line_end = first:find("\n", 1, true)
    if first:sub(line_end + 1) == digest then
      answer = first:sub(1, line_end - 1)
    else
      answer = answered[other] or find(windows, window, other)
    end
  end
  if answer then
    local stands = answer:match("^%+ %d (%S+)")
    return stands == receipt and answer or "= " .. stands
  end
  local version, until_ms, patients = take(), take(), take()
  if is_stale(versions, newest, tonumber(version), patients, doubted) then
    return "~ " .. receipt
  end
  local waited = store_parts(receipt, sealed, version, until_ms, patients)
  local free, open = enter(learn(receipt, waited))
  redis.call("XADD", ledger, "*", "r", record)
  answer = table.concat({"+", first and "1" or "0", receipt, text(open), unpack(free)}, " ")
  if first then
    keep_answer(other, answer)
  else
    keep_answer(key, answer .. "\n" .. digest)
  end
  return answer
end

-- Should a message fail, those before it are done, so that they are found done when they come again.
local answers, problem = {}, nil
for i = 1, messages do
  local following = at + 1 + ARGV[at + 1]
  at = at + 1
  local done, answer = pcall(accept)
  if not done then
    problem = answer
    break
  end
  answers[i] = answer
  at = following
end
if #journalled > 0 then redis.call("HSET", journal, unpack(journalled)) end
if #open > 0 then redis.call("HSET", pending, unpack(open)) end
for channel, change in pairs(changes) do
  for state, number in pairs(change) do
    redis.call("HINCRBY", key_of(channel, 2), state, number)
  end
end
if #answers_to_keep > 0 then remember(windows, window, now, unpack(answers_to_keep)) end
if problem then error(problem, 0) end
if leave ~= "" then redis.call("SET", chain, leave) end
return answers

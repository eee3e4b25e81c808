#!lua flags=allow-oom
-- Change what the privacy registry holds of one patient. A full store does it, too.
--
-- KEYS  1 privacy (hash): patient → "VERSION sealed", 2 privacy-versions (footing.lua), 3 waits,
--       4 released, 5 released-news (kept.lua), 6 meta, 7 ledger, 8–11 receipts:0…3 (there: the
--       change's identity → the reply), then for each channel: lane (claim.lua), out (accept.lua)
-- ARGV  identity of the change, patient, version expected (0: none), sealed, record (a JSON object;
--       the version becomes its first member, the open attempts the next), channels…
-- reply "VERSION", or "0" when another version stood there or the registry is doubted, then for each open attempt
--       " CHANNEL ENTRY RECEIPT OPENED_MS"
-- use clock window kept footing attempts

local privacy, versions, waits, released, news, meta, ledger =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local windows = {KEYS[8], KEYS[9], KEYS[10], KEYS[11]}
local identity, patient, expected, sealed, record = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]

local now = now_ms()
local window = current_window(meta, windows, now)
local done = find(windows, window, identity)
if done then return done end
if is_doubted(meta) or tonumber(redis.call("ZSCORE", versions, patient) or 0) ~= expected then
  return "0"
end

local version, attempts = newest_version(versions) + 1, {}
local answer = {text(version)}
for i = 6, #ARGV do
  local at = 12 + (i - 6) * 2
  local open = open_attempt(ARGV[i], KEYS[at], KEYS[at + 1], patient)
  if open then
    attempts[#attempts + 1] = open
    answer[#answer + 1] = table.concat(open, " ")
  end
end

redis.call("HSET", privacy, patient, text(version) .. " " .. sealed)
redis.call("ZADD", versions, text(version), patient)
release_waiting(waits, released, news, meta, patient)
redis.call("XADD", ledger, "*", "r", changed(version, attempts, record))
answer = table.concat(answer, " ")
remember(windows, window, now, identity, answer)
return answer

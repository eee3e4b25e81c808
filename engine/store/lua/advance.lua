#!lua flags=allow-oom
-- One step of a lane: close the open attempt, then open one on the head. A full store drains too.
--
-- KEYS  1 lane (claim.lua), 2 out, 3 counts, 4 parts, 5 parked, 6 parked-order, 7 journal,
--       8 pending, 9 ledger (accept.lua), 10 privacy-versions, 11 meta (footing.lua)
-- ARGV  fence, turn, lease in ms, open the next (0 or 1), how to close ("", "settle", "postpone"),
--       then for settle: entry, final (delivered, parked, withheld), record, reason, answered;
--       for postpone: entry, delay in ms, error, unknown (0 or 1), answered, keep attempt (0 or 1)
-- reply "opened", entry, receipt, part, sealed, note, attempt, possible duplicate, age in ms, stale;
--       or WHY (fenced, paused, empty, wait), wait in ms
-- use clock tally kept footing

local lane_key, out, counts, parts, parked, order = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local journal, pending, ledger, versions, meta = KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11]
local fence, turn, lease, open_next, how, entry =
  ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == "1", ARGV[5], ARGV[6] or ""

local names = {"fence", "turn", "answer", "open", "opened_ms", "doubtful", "attempts", "unknown",
               "not_before_ms", "postponed_ms", "error", "order", "ack", "ack_ms", "restored"}
local lane = {}
for i, value in ipairs(redis.call("HMGET", lane_key, unpack(names))) do
  lane[names[i]] = value or ""
end
if lane.fence ~= fence then return {"fenced", 0} end

local now = now_ms()
lane.attempts = tonumber(lane.attempts) or 0
lane.not_before_ms = tonumber(lane.not_before_ms) or 0
lane.postponed_ms = tonumber(lane.postponed_ms) or 0
if now < lane.postponed_ms then  -- the clock was set back: wait as long as was meant, from now on
  lane.not_before_ms = now + math.max(0, lane.not_before_ms - lane.postponed_ms)
  lane.postponed_ms = now
end

local function fields_of(stream_entry)
  local fields, flat = {}, stream_entry[2]
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  return fields
end

-- Whether the copy was cut under facts of privacy that have changed, or have run out by now.
local function is_outdated(fields)
  local until_ms = tonumber(fields.x or "")
  if until_ms and until_ms <= now then return true end
  local version, patients = tonumber(fields.v or -1), fields.h or ""
  return is_stale(versions, newest_version(versions), version, patients, is_doubted(meta))
end

local function opened(head)
  local fields = fields_of(head)
  local age = math.max(0, tonumber(lane.opened_ms) - tonumber(head[1]:match("^%d+")))
  return {"opened", head[1], fields.r, tonumber(fields.p), fields.s, fields.n, lane.attempts,
          lane.doubtful == "1" and 1 or 0, age, is_outdated(fields) and 1 or 0}
end

if turn == tonumber(lane.turn) and lane.answer ~= "" then
  redis.call("HSET", lane_key, "until_ms", text(now + lease))
  if lane.answer == "opened" then
    return opened(redis.call("XRANGE", out, lane.open, lane.open)[1])
  end
  local why, wait = lane.answer:match("^(%a+) (%d+)$")
  return {why, tonumber(wait)}
end
-- A turn too many is of a holder that knows more than this store: an old copy was put back.
if turn ~= (tonumber(lane.turn) or 0) + 1 or entry ~= lane.open then return {"fenced", 0} end

local function acknowledged(code)
  if code ~= "" then lane.ack, lane.ack_ms = code, text(now) end
end

local function settle()
  local final, record, reason, answered = ARGV[7], ARGV[8], ARGV[9], ARGV[10]
  local fields = fields_of(redis.call("XRANGE", out, entry, entry)[1])
  if final == "parked" then
    local doubtful = (lane.unknown == "1" or fields.u) and 1 or 0
    local line = describe("parked", fields.p, lane.attempts, text(now), doubtful, fields.r, reason)
    local id = keep(parked, order, fields.r, line)
    redis.call("HSET", parked, id .. ":sealed", fields.s, id .. ":note", fields.n)
  else
    change_pending(pending, journal, fields.r, -1)
  end
  recount(counts, parts, fields.r, "waiting", final, 1)
  redis.call("XDEL", out, entry)
  redis.call("XADD", ledger, "*", "r", record)
  acknowledged(answered)
  lane.attempts, lane.unknown, lane.not_before_ms, lane.error = 0, "", 0, ""
end

local function postpone()
  local delay, problem, unknown, answered, keep_attempt =
    tonumber(ARGV[7]), ARGV[8], ARGV[9], ARGV[10], ARGV[11]
  if keep_attempt == "0" then
    lane.attempts = lane.attempts - 1
    if lane.doubtful == "1" then redis.call("HINCRBY", counts, "duplicates", -1) end
  end
  if unknown == "1" then lane.unknown = "1" end
  lane.not_before_ms, lane.postponed_ms, lane.error = now + delay, now, problem
  acknowledged(answered)
end

-- What comes next: the head, or why not and for how long.
local function look()
  if lane.order ~= "" then return nil, "paused", 0 end
  local head = redis.call("XRANGE", out, "-", "+", "COUNT", 1)[1]
  if not head then return nil, "empty", 0 end
  local wait = math.max(0, lane.not_before_ms - now)
  if wait > 0 or not open_next then return nil, "wait", wait end
  return head
end

if how == "settle" then settle() elseif how == "postpone" then postpone() end
lane.open, lane.doubtful = "", ""
local head, why, wait = look()
if head then
  lane.open, lane.opened_ms, lane.answer = head[1], text(now), "opened"
  lane.attempts = lane.attempts + 1
  local fields = fields_of(head)
  if lane.unknown == "1" or fields.u or fields.r < lane.restored then
    lane.doubtful = "1"
    redis.call("HINCRBY", counts, "duplicates", 1)
  end
else
  lane.answer = why .. " " .. text(wait)
end
redis.call("HSET", lane_key, "turn", text(turn), "until_ms", text(now + lease),
  "answer", lane.answer, "open", lane.open, "opened_ms", lane.opened_ms,
  "doubtful", lane.doubtful, "attempts", text(lane.attempts), "unknown", lane.unknown,
  "not_before_ms", text(lane.not_before_ms), "postponed_ms", text(lane.postponed_ms),
  "error", lane.error,
  "ack", lane.ack, "ack_ms", lane.ack_ms)
if head then return opened(head) end
return {why, wait}

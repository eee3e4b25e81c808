-- A part that scripts use, not a script: which state a message counts in (engine/store/tally.py).
--
-- counts:<channel>  hash  parked held waiting delivered withheld → messages in that state
-- parts:<channel>   hash  receipt → "parked held waiting delivered": how many of its parts are in
--                         each; no field for a message of which one part is left and none delivered
-- pending           hash  receipt → parts that are not final, over all channels
-- journal           hash  receipt → sealed message, until nothing of it is pending; with a field
--                         "archive", until letgo.lua takes it out

local function state_of(part)
  if part.parked > 0 then return "parked" end
  if part.held > 0 then return "held" end
  if part.waiting > 0 then return "waiting" end
  if part.delivered > 0 then return "delivered" end
  return "withheld"
end

local function write_parts(parts, receipt, part, written)
  local open = part.parked + part.held + part.waiting
  if open > 1 or (open == 1 and part.delivered > 0) then
    redis.call("HSET", parts, receipt, string.format(
      "%d %d %d %d", part.parked, part.held, part.waiting, part.delivered))
  elseif written then
    redis.call("HDEL", parts, receipt)
  end
end

-- The state in which a new message of `waiting` copies and `held` holds begins.
local function begin(parts, receipt, waiting, held)
  local part = {parked = 0, held = held, waiting = waiting, delivered = 0}
  write_parts(parts, receipt, part, false)
  return state_of(part)
end

-- One part leaves the state `from`; `number` parts enter `to` ("withheld": none does).
local function recount(counts, parts, receipt, from, to, number)
  local part = {parked = 0, held = 0, waiting = 0, delivered = 0}
  local written = redis.call("HGET", parts, receipt)
  if written then
    local parked, held, waiting, delivered = written:match("^(%d+) (%d+) (%d+) (%d+)$")
    part.parked, part.held = tonumber(parked), tonumber(held)
    part.waiting, part.delivered = tonumber(waiting), tonumber(delivered)
  else
    part[from] = 1
  end
  local before = state_of(part)
  part[from] = part[from] - 1
  if to ~= "withheld" then part[to] = part[to] + number end
  local after = state_of(part)
  if before ~= after then
    redis.call("HINCRBY", counts, before, -1)
    redis.call("HINCRBY", counts, after, 1)
  end
  write_parts(parts, receipt, part, written)
end

local function archives(journal) return redis.call("HEXISTS", journal, "archive") == 1 end

-- `change` more parts are pending; the last one that is final takes the message along.
local function change_pending(pending, journal, receipt, change)
  if change ~= 0 and redis.call("HINCRBY", pending, receipt, change) <= 0 then
    redis.call("HDEL", pending, receipt)
    if not archives(journal) then redis.call("HDEL", journal, receipt) end
  end
end

-- A part that scripts use, not a script: parked and held items.
--
-- parked:<channel>        hash  "last" → the last id given
--                               ID → "kind part attempts since_ms doubtful receipt reason"
--                               ID:sealed, ID:note → what was to be sent (parked only)
--                               ID:waits → coverage keys that release it, each as length:key
--                               r:RECEIPT → ids of its items, apart by spaces
-- parked-order:<channel>  zset  ID, by itself
-- waits                   zset  "<key> <receipt> <channel> <ID>", all of score 0: who waits for a
--                               key is a range, in order of arrival; keys are all of one length
-- released                zset  receipt, by the order of release
-- released-news           set   receipts of it for which something was learned since they were read

local function describe(kind, part, attempts, since_ms, doubtful, receipt, reason)
  return table.concat({kind, part, attempts, since_ms, doubtful, receipt, reason}, " ")
end

local function read_item(parked, id)
  local line = redis.call("HGET", parked, id)
  if not line then return nil end
  local kind, part, attempts, since_ms, doubtful, receipt, reason =
    line:match("^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$")
  return {kind = kind, part = part, attempts = attempts, since_ms = since_ms,
          doubtful = doubtful, receipt = receipt, reason = reason}
end

-- A new item; gives its id.
local function keep(parked, order, receipt, line)
  local id = string.format("%d", redis.call("HINCRBY", parked, "last", 1))
  local others = redis.call("HGET", parked, "r:" .. receipt)
  redis.call("HSET", parked, id, line, "r:" .. receipt, others and (others .. " " .. id) or id)
  redis.call("ZADD", order, id, id)
  return id
end

local function forget_item(parked, order, id, receipt)
  redis.call("HDEL", parked, id, id .. ":sealed", id .. ":note", id .. ":waits")
  redis.call("ZREM", order, id)
  local others = {}
  for other in (redis.call("HGET", parked, "r:" .. receipt) or ""):gmatch("%S+") do
    if other ~= id then others[#others + 1] = other end
  end
  if #others > 0 then
    redis.call("HSET", parked, "r:" .. receipt, table.concat(others, " "))
  else
    redis.call("HDEL", parked, "r:" .. receipt)
  end
end

local function member(key, channel, id, receipt)
  return key .. " " .. receipt .. " " .. channel .. " " .. id
end

-- The coverage keys that an item waits for.
local function read_waits(parked, id)
  local keys, packed, at = {}, redis.call("HGET", parked, id .. ":waits") or "", 1
  while at <= #packed do
    local colon = packed:find(":", at, true)
    local length = tonumber(packed:sub(at, colon - 1))
    keys[#keys + 1] = packed:sub(colon + 1, colon + length)
    at = colon + length + 1
  end
  return keys
end

local function write_waits(waits, parked, channel, id, receipt, keys)
  local packed = {}
  for _, key in ipairs(keys) do
    redis.call("ZADD", waits, 0, member(key, channel, id, receipt))
    packed[#packed + 1] = #key .. ":" .. key
  end
  if #keys > 0 then
    redis.call("HSET", parked, id .. ":waits", table.concat(packed))
  else
    redis.call("HDEL", parked, id .. ":waits")
  end
end

local function end_waits(waits, parked, channel, id, receipt)
  for _, key in ipairs(read_waits(parked, id)) do
    redis.call("ZREM", waits, member(key, channel, id, receipt))
  end
end

local function any_known(coverage, keys)
  for _, key in ipairs(keys) do
    if redis.call("HEXISTS", coverage, key) == 1 then return true end
  end
  return false
end

-- Put a receipt on the released list, and say that there is news for it.
local function release(released, news, meta, receipt)
  if not redis.call("ZSCORE", released, receipt) then
    redis.call("ZADD", released, redis.call("HINCRBY", meta, "released", 1), receipt)
  end
  redis.call("SADD", news, receipt)
end

-- Release all items that wait for a key; gives their receipts, in order of arrival.
local function release_waiting(waits, released, news, meta, key)
  local receipts, listed = {}, {}
  for _, waiting in ipairs(redis.call("ZRANGEBYLEX", waits, "[" .. key .. " ", "(" .. key .. "!")) do
    local receipt = waiting:sub(#key + 2):match("^%S+")
    if not listed[receipt] then
      listed[receipt] = true
      receipts[#receipts + 1] = receipt
      release(released, news, meta, receipt)
    end
  end
  return receipts
end

-- Take a receipt off the released list, unless something was learned since it was read.
local function forget_release(released, news, receipt)
  if redis.call("SISMEMBER", news, receipt) == 0 then
    redis.call("ZREM", released, receipt)
  end
end

-- A part that scripts use, not a script: what was done in the last 72 hours or more.
--
-- meta          hash  window → index of the current one, window_ms → when it began
-- receipts:0…3  hash  one for each of the last four periods of 24 hours; expires by itself

local WINDOW_MS = 24 * 3600 * 1000

-- The index (from 1) of the current window; begins the next one when its time has come.
local function current_window(meta, windows, now)
  local known = redis.call("HMGET", meta, "window", "window_ms")
  local index, since = tonumber(known[1] or 0), tonumber(known[2] or 0)
  if now - since >= WINDOW_MS then
    index = index % #windows + 1
    redis.call("UNLINK", windows[index])
    redis.call("HSET", meta, "window", text(index), "window_ms", text(now))
  end
  return index
end

local function find(windows, index, field)
  for age = 0, #windows - 1 do
    local value = redis.call("HGET", windows[(index - 1 - age) % #windows + 1], field)
    if value then return value end
  end
  return nil
end

-- Remember fields and values in the current window, which ends when all of it is old enough.
local function remember(windows, index, now, ...)
  local new = redis.call("HSET", windows[index], ...)
  if new > 0 and redis.call("HLEN", windows[index]) == new then
    redis.call("PEXPIRE", windows[index], text(WINDOW_MS * #windows))
  end
end

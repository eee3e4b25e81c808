-- A part that scripts use, not a script: the server's clock.

-- Unix milliseconds. Callers' clocks never count.
local function now_ms()
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- An integer as decimal text; tostring() would write 1.7e+12.
local function text(number)
  return string.format("%.0f", number)
end

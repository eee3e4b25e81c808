-- A part that scripts use, not a script: attempts that are open when the registry is changed.
--
-- lane  hash (claim.lua): "open" is the entry of which a byte may still leave
-- out   stream (accept.lua): the entry, with whom it is about

local function fields_of(stream_entry)
  local fields, flat = {}, stream_entry[2]
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  return fields
end

-- Whether a copy is about the patient, or it was not written down whom it is about.
local function concerns(fields, patient)
  if tonumber(fields.v or -1) < 0 then return true end
  for at = 1, #fields.h, 16 do
    if fields.h:sub(at, at + 15) == patient then return true end
  end
  return false
end

-- {channel, entry, receipt, since_ms} of a channel's open attempt about a patient, or nil.
local function open_attempt(channel, lane, out, patient)
  local open = redis.call("HMGET", lane, "open", "opened_ms")
  if not open[1] or open[1] == "" then return nil end
  local fields = fields_of(redis.call("XRANGE", out, open[1], open[1])[1])
  if not concerns(fields, patient) then return nil end
  return {channel, open[1], fields.r, open[2]}
end

-- The record of a change, with the version that it made and the attempts that it came too late for.
local function changed(version, attempts, record)
  local said = {}
  for i, attempt in ipairs(attempts) do
    said[i] = '["' .. attempt[1] .. '","' .. attempt[2] .. '","' .. attempt[3] .. '"]'
  end
  local open = #said > 0 and '"open":[' .. table.concat(said, ",") .. "]," or ""
  return '{"version":' .. text(version) .. "," .. open .. record:sub(2)
end

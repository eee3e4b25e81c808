#!lua flags=no-writes
-- A lane's entries, head first, without their content.
--
-- KEYS  1 out (accept.lua)
-- ARGV  how many at most
-- reply for each: entry, receipt, part, size in bytes

local entries, from, limit = {}, "-", tonumber(ARGV[1])
while #entries < limit do
  local entry = redis.call("XRANGE", KEYS[1], from, "+", "COUNT", 1)[1]
  if not entry then break end
  local fields, flat = {}, entry[2]
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  entries[#entries + 1] = {entry[1], fields.r, tonumber(fields.p), #fields.s}
  from = "(" .. entry[1]
end
return entries

#!lua flags=no-writes
-- Read sealed messages, as many as a number of bytes holds, but at least one.
--
-- KEYS  1 journal (tally.lua)
-- ARGV  bytes at most, receipts…
-- reply sealed messages in order, false for one that is not there

local left, found = tonumber(ARGV[1]), {}
for i = 2, #ARGV do
  left = left - redis.call("HSTRLEN", KEYS[1], ARGV[i])
  if left < 0 and i > 2 then break end
  found[#found + 1] = redis.call("HGET", KEYS[1], ARGV[i])
end
return found

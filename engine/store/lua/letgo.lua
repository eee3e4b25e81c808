#!lua flags=allow-oom
-- Forget what an archive has: the ledger up to a position, and messages that are final.
--
-- KEYS  1 ledger, 2 journal, 3 pending (tally.lua), 4 meta
-- ARGV  position (a stream's id), what the archive says of itself or "", receipts…
-- reply nothing
--
-- meta  hash  archive_head → what the archive last said

local ledger, journal, pending, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ms, number = ARGV[1]:match("^(%d+)-(%d+)$")
redis.call("XTRIM", ledger, "MINID", "=", string.format("%s-%d", ms, number + 1))
if ARGV[2] ~= "" then redis.call("HSET", meta, "archive_head", ARGV[2]) end
for i = 3, #ARGV do
  if redis.call("HEXISTS", pending, ARGV[i]) == 0 then redis.call("HDEL", journal, ARGV[i]) end
end
return nil

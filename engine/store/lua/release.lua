#!lua flags=allow-oom
-- Put whoever waits for a key on the released list.
--
-- KEYS  1 waits, 2 released, 3 released-news, 4 meta (kept.lua)
-- ARGV  key
-- reply receipts, in order of arrival
-- use kept

return release_waiting(KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[1])

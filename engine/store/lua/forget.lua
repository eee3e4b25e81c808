#!lua flags=allow-oom
-- Take a receipt off the released list, unless something was learned since it was read.
--
-- KEYS  1 released, 2 released-news (kept.lua)
-- ARGV  receipt
-- reply nothing
-- use kept

forget_release(KEYS[1], KEYS[2], ARGV[1])
return nil

#!lua flags=allow-oom
-- Put back into a doubted registry what an archive has of it. A full store does it, too.
--
-- KEYS  1 privacy, 2 privacy-versions (enter.lua), 3 meta (footing.lua)
-- ARGV  why it is doubted from now on (JSON, or "": as before), then each: patient, version, sealed,
--       in the order of the versions; what is there under that version or a later one stays
-- reply how many were put back; -1 when the registry is not doubted: then nothing is done
-- use clock footing

local privacy, versions, meta = KEYS[1], KEYS[2], KEYS[3]
if not is_doubted(meta) then return -1 end

local newest, number = newest_version(versions), 0
for i = 2, #ARGV, 3 do
  local patient, version, sealed = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  if tonumber(redis.call("ZSCORE", versions, patient) or 0) < version then
    newest = math.max(version, newest + 1)  -- no version is of two patients
    redis.call("HSET", privacy, patient, text(newest) .. " " .. sealed)
    redis.call("ZADD", versions, text(newest), patient)
    number = number + 1
  end
end
if ARGV[1] ~= "" then redis.call("HSET", meta, "registry", ARGV[1]) end
return number

-- A part that scripts use, not a script: whether a decision knew all that the registry says.
--
-- meta              hash  registry → why it is doubted (mark.lua), as JSON; absent: it is believed
-- privacy-versions  zset  keyed hash of a patient (16 bytes) → the version that its last change made

-- The version of the registry: that of its last change.
local function newest_version(versions)
  return tonumber(redis.call("ZREVRANGE", versions, 0, 0, "WITHSCORES")[2] or 0)
end

-- Whether what the registry holds is not known to be all of it: `meta` has the field "registry".
local function is_doubted(meta) return redis.call("HEXISTS", meta, "registry") == 1 end

-- Whether any of `patients` (16 bytes each) was changed after `version`; -1: nobody had looked.
-- While the registry is doubted, whatever is about anybody is stale.
local function is_stale(versions, newest, version, patients, doubted)
  if doubted and (#patients > 0 or version < 0) then return true end
  if version == newest then return false end
  if version < 0 then return newest > 0 end
  if version > newest then return true end  -- the store is older than the decision
  for i = 1, #patients, 16 do
    local changed = redis.call("ZSCORE", versions, patients:sub(i, i + 15))
    if changed and tonumber(changed) > version then return true end
  end
  return false
end

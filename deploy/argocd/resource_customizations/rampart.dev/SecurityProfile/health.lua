-- What Argo CD shows of a SecurityProfile: what its conditions say of the spec as it is now.
if obj.metadata.deletionTimestamp ~= nil then
  return {status = "Progressing", message = "taking back what was made"}
end
local status = obj.status or {}
if status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "not looked at yet"}
end
local health = {status = "Progressing", message = "not ready yet"}
for _, condition in ipairs(status.conditions or {}) do
  local message = condition.reason .. ": " .. condition.message
  if condition.status == "True" then
    if condition.type == "Stalled" or condition.type == "Degraded" then
      return {status = "Degraded", message = message}
    elseif condition.type == "Ready" then
      health = {status = "Healthy", message = message}
    end
  elseif condition.type == "Ready" then
    health.message = message
  end
end
return health

local rollout = (obj.status or {}).rollout or {}
local revision = nil
for _, failure in ipairs(rollout.failed or {}) do
    revision = failure.revision
end
-- A spec that had failed before is told with the reason and message of its failure.
for _, failure in ipairs(rollout.failed or {}) do
    if failure.reason == rollout.reason and failure.message == rollout.message then
        revision = failure.revision
    end
end
if revision == nil then
    error("no revision was taken back")
end
obj.metadata.annotations = obj.metadata.annotations or {}
-- The resource version is what makes this command another one than the last.
obj.metadata.annotations["serinus.dev/command"] = "retry/" .. revision .. "/" .. obj.metadata.resourceVersion
return obj

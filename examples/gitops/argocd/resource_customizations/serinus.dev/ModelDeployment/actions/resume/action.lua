if obj.status == nil or obj.status.rollout == nil or (obj.status.rollout.candidate or "") == "" then
    error("no revision is under test")
end
obj.metadata.annotations = obj.metadata.annotations or {}
-- The resource version is what makes this command another one than the last.
obj.metadata.annotations["serinus.dev/command"] =
    "resume/" .. obj.status.rollout.candidate .. "/" .. obj.metadata.resourceVersion
return obj

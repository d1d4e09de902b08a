-- The status is compatible with kstatus. Only conditions and generations decide; the phase is for people,
-- except that a pause holds nothing while a rollback, a watch or a first deploy goes on.
local function said(condition)
    if condition.message == nil or condition.message == "" then
        return condition.reason
    end
    return condition.reason .. ": " .. condition.message
end

local status = obj.status
if status == nil or status.conditions == nil then
    return {status = "Progressing", message = "Serinus has not looked at it yet"}
end
if status.observedGeneration ~= obj.metadata.generation then
    return {status = "Progressing", message = "Serinus has not looked at the newest spec yet"}
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
    conditions[condition.type] = condition
end
local function is(kind)
    return conditions[kind] ~= nil and conditions[kind].status == "True"
end

if is("Stalled") then
    return {status = "Degraded", message = said(conditions.Stalled)}
end
if is("Degraded") then
    return {status = "Degraded", message = said(conditions.Degraded)}
end
if is("Ready") then
    return {status = "Healthy", message = conditions.Ready.message}
end
local holds = {Stable = true, Preparing = true, Stepping = true, Promoting = true}
if is("Paused") and holds[status.phase] then
    return {status = "Suspended", message = said(conditions.Paused)}
end

local message = "Serinus is at work"
if is("Progressing") then
    message = said(conditions.Progressing)
elseif conditions.Ready ~= nil then
    message = said(conditions.Ready)
end
if status.reason ~= status.phase then
    message = message .. ". " .. said(status)
end
return {status = "Progressing", message = message}

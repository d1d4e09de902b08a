local status = obj.status or {}
local rollout = status.rollout or {}
local paused = {}
for _, condition in ipairs(status.conditions or {}) do
    if condition.type == "Paused" then
        paused = condition
    end
end

local phase = status.phase
local under_way = phase == "Preparing" or phase == "Stepping" or phase == "Promoting"
local by_step = paused.status == "True" and paused.reason == "PausedByStep"
local may = {
    ["promote"] = under_way,
    ["abort"] = under_way or phase == "Watching",
    ["pause"] = under_way and not rollout.paused,
    ["resume"] = under_way and (rollout.paused or by_step),
    ["skip-step"] = phase == "Stepping",
    ["retry"] = phase == "RolledBack",
}
local actions = {}
for name, allowed in pairs(may) do
    actions[name] = {["disabled"] = not allowed}
end
return actions

-- ARGV[3] the agent, ARGV[4] the node, ARGV[5] the phones that are registered there (routing.AgentState.Registering).
local name, node = ARGV[3], ARGV[4]
local agent, kept = read(agents, name), {}
for _, phone in ipairs(agent and agent.phones or {}) do
  if phone.node ~= node and running(phone) then table.insert(kept, phone) end
end
for _, phone in ipairs(cjson.decode(ARGV[5])) do
  if running(phone) then
    phone.node = node
    local place = 1
    while kept[place] and kept[place].place ~= phone.place do place = place + 1 end
    if not kept[place] or number(phone.refreshed) >= number(kept[place].refreshed) then kept[place] = phone end
  end
end
reached(name, agent, kept, 'registered')
return reply('ok')

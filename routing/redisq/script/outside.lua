-- ARGV[3] the agent, ARGV[4] the node, ARGV[5] the call outside the queues, or ''.
local agent = read(agents, ARGV[3])
if not agent then return reply('gone') end
if ARGV[5] == '' and (agent.outside_node or '') ~= ARGV[4] then return reply('ok') end -- it is over already, or he is in another's
beyond(agent, ARGV[4], ARGV[5])
return reply('ok')

// Package redisq keeps the queues in Redis: the routing.Store of a centre of many nodes, without a leader.
//
// Each step is one script of the folder script: it checks and sets, and appends its event, with Redis' own clock. The records are the sum of the
// events by the rule of routing.View.Fold. What an outcome means for agent and caller is routing's: the scripts get it as a table.
// Steps end within store.CommandLimit; a step that failed may have been taken, and is repeated without harm.
//
// It is not for rules, nor for the time without Redis: see dispatch. memq is the same for one node, and the model of this room.
package redisq

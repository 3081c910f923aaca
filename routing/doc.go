// Package routing is the switch room: it decides which caller is offered to which agent, and why.
//
// It holds the words of the queue (queues, agents, callers, claims, seats), the rules as pure functions over values
// (Decide, Explain), and the Store contract that keeps those values where they need one winner. It does no I/O and reads no
// clock: every function takes now, in store time.
//
// In the path of a call it stands between the queue step of a flow and the agent's ringing phone: a caller enters a Store, Decide
// matches him, a Claim binds him and one agent, and their conversation ends in wrap-up. The words follow field practice; no RFC
// governs them.
//
// It is not for calls, sound or files: internal/call acts on a decision, internal/dispatch carries it to the store and to
// the calls of its node, routing/memq and routing/redisq keep the state, config compiles the Plan.
package routing

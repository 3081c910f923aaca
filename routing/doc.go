// Package routing is the switch room: it decides which caller is offered to which agent, and why.
//
// It holds the words of the queue (queues, agents, callers, claims, seats), the rules as pure functions over values
// (Decide, Explain), and the Store contract that keeps those values where they need one winner. It does no I/O and reads no
// clock: every function takes now, in store time.
//
// It is not for calls, sound or files: internal/call acts on a decision, internal/dispatch carries it to the store and to
// the calls of its node, routing/memq and routing/redisq keep the state, config compiles the Plan.
package routing

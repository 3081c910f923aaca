// Package survivable is the routing.Store of a node whose shared store may be away (the field's word is survivability: a branch that goes
// on by itself). While the shared one answers, every step is its; while it does not, the queues of this node live in memory
// (routing/memq), with this node's callers and agents alone.
//
// It moves no state from one to the other: a change ends all subscriptions, and the new snapshot has another incarnation, so that
// whoever holds something (internal/dispatch) tells it again, with the times at which it began. That is the same way on
// which a shared store is mended that was emptied.
//
// The node goes on alone only when its lease is over by its own clock: from then on no other node claims its agents (see
// routing.Store.Heartbeat), so nobody is offered two callers. It decides nothing else.
package survivable

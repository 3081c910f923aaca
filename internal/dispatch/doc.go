// Package dispatch carries decisions out: it keeps a node's view of the queues up to date, lets routing.Decide decide over it,
// and takes what was decided to the store and to the calls of this node.
//
// In the path of a call it stands between internal/call and routing.Store: a call enters a queue and gets a channel of notices
// (where it stands, an agent who is offered, the end of its wait), and tells what became of an offer.
//
// Four goroutines, joined by bounded channels: the owner holds the view and decides, never doing I/O while it serves; the hands
// carry one batch of decisions at a time to the store; the pulse renews the node's lease, and beside it dead nodes are reaped. No goroutine
// ever waits for a call: a notice that finds a full mailbox, or an offer that is not taken within takeWithin, is withdrawn and
// the call passed over for a while.
//
// It decides nothing about who is offered to whom (routing), rings no phone and plays no sound (internal/call).
package dispatch

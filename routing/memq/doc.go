// Package memq is routing.Store in memory: the truth of the queues for a node without Redis, for tests and for a node
// that is cut off.
//
// Each method is one step under one mutex, with no I/O inside, so it never waits. Values are copied when they change and never
// changed in place, so what a reader was given stays what it was. Time is the time package's own, so a store works unchanged
// in a testing/synctest bubble, and monotonic: a clock that is set does not move it.
//
// The queue lives with the process. What has to outlive it, the pauses, can be read (Pauses) and given back (Options).
// It decides nothing: which caller is offered to whom is routing.Decide, carried out by internal/dispatch.
package memq

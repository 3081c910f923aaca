// Package incident is the bad day as a value: which incidents a centre has prepared, what their revisions say, which of them
// hold now and for whom, and what they change.
//
// It is pure: a Board and a moment go in, rulings with reasons come out. An incident is active because now lies between its
// start and its end; nothing waits for somebody to clear a flag. routing and ivr see its effects as overlays on their plans,
// so nothing else in the house asks "is there an incident?".
//
// It is not for reading files (config), keeping the board (internal/app, later internal/store) or playing messages (internal/call).
package incident

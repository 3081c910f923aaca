// Package call is one call's life: it joins a caller's leg, his sound, a flow and a queue, from INVITE to BYE.
//
// One goroutine owns one call (Call.run): it alone touches the call's fields, waits in one select for whatever happens next
// (the caller's dialog, his sound, the offer, the agent's dialog, a timer, a new plan), and leaves nothing behind. While phones
// ring, each has a goroutine more, which ends with the ringing. What is decided is decided elsewhere, by values: ivr.Machine says
// what the caller hears, routing says who is offered to whom, incident says which message is due. What this package needs of the
// house it declares itself, in house.go.
//
// Where to look: call.go has the select, the beginning and the end; conversation.go the flow and what is played; message.go the
// incidents' messages; waiting.go the queue; party.go the agent's side, ringing and talking; whisper.go what he hears first; agent.go
// what agents dial; leg.go the caller's dialog; owed.go what a store that was away has still to be told; ending.go how calls end;
// ledger.go the list of calls.
//
// No call depends on the store: each request to it is short, and what fails is told later. A caller whose entry fails waits with
// his music until it succeeds; only a queue's own no ends a wait.
//
// It is not for SIP messages (sip), packets (media), the choice of an agent (routing) or wiring (internal/app). It speaks the
// event words of sip and media directly, so that no goroutine per leg is spent on translating them.
package call

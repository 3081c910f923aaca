// Package call is one call's life: it joins a caller's leg, his sound, a flow and a queue, from INVITE to BYE.
//
// One goroutine owns one call (Call.run): it alone touches the call's fields, waits in one select for whatever happens next
// (the caller's dialog, his sound, the offer, the agent's dialog, a timer, a new plan), and leaves nothing behind. What is
// decided is decided elsewhere, by values: ivr.Machine says what the caller hears, routing says who is offered to whom,
// incident says which message is due. What this package needs of the house it declares itself, in house.go.
//
// It is not for SIP messages (sip), packets (media), the choice of an agent (routing) or wiring (internal/app). It speaks the
// event words of sip and media directly, so that no goroutine per leg is spent on translating them.
package call

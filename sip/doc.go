// Package sip is the front door: it takes calls from trunks, registers agents' phones, rings them, and speaks SIP
// for as long as a call lasts. Everything that arrives here is hostile until judged.
//
// It knows nothing of sound (session descriptions are opaque bytes), menus, queues or configuration files; those
// are other rooms, which see a call as a Leg and the events that it emits.
//
// The path of a message: a wire (a UDP listener, or one TCP connection) hands over the bytes of one whole message;
// they are checked and parsed; a repeated request meets its transaction, a request within a dialog goes to the
// mailbox of the goroutine that owns the dialog, everything else is judged: who is calling, and may he. What is
// refused without looking at credentials is answered statelessly (RFC 3261 section 8.2.7), so strangers cost no
// memory. What is accepted becomes a dialog with one owner goroutine, and a Leg for whoever serves the call.
//
// Nodes share nothing here but what they are given: the key of their nonces (ShareNonces), and bindings that another
// node's registrar took, which are plain values and can be dialled anywhere if they are Direct. Probe asks whether
// another node lives.
//
// Built on sipgo's parser and on its transaction state machines (RFC 3261 section 17, RFC 6026). The wires and the
// tables of transactions are our own: sipgo's UDP transport remembers every source address for ever and handles
// each message on a goroutine of its own, so that a CANCEL can overtake its INVITE; and it answers a CANCEL with
// another To tag than the one the call had. With our wires order is kept, closing connections are noticed, and the
// same code runs in tests on wires in memory and fake time.
//
// RFC 3261 (SIP), 3581 (rport), 6026 (late INVITEs), 7616 and 8760 (digest), 2976 (INFO).
package sip

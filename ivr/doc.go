// Package ivr is the conversation with a caller: a Flow is a checked graph of steps, a Machine walks it.
//
// Everything here is plain values: a Machine takes inputs (a digit, a prompt that ended, a timer) and returns actions (play
// this, wait so long, enter that queue); it does no I/O and reads no clock. internal/call carries the actions out, config
// compiles flows and hours into it, `spillway explain` walks the same Machine.
//
// It is not for sound, for the choice of an agent, or for incidents: those are media, routing and incident.
package ivr

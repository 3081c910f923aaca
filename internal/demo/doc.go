// Package demo plays a bad day at the kettle centre: a node in this process, callers and agents who are real SIP phones on
// loopback, and a recall that is switched on and off in the file on the disk. Run tells the story line by line and fails when
// any of it did not happen.
//
// Nothing is taken for granted. What a person hears is recognised by the sound that reached the phone: tones by their
// frequency, recordings by correlation. What the node thinks is asked of its API. The story waits on these two and on
// nothing else, so it is as fast as the machine, and each expectation has a limit.
//
// The package is for showing and for checking that the whole house works together; it is not a load test (see internal/bench) and
// decides nothing about calls. It stands outside of a call's path, at both ends of it: it starts an internal/app node on a copy
// of internal/sample, reads what the node tells through internal/ops/client, and speaks SIP and RTP through internal/phone.
package demo

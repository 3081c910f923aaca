// Package sipp drives a real SIPp, version 3.6 or later, built with RTP streaming, as a caller or an agent in tests: it runs
// a scenario file against an address, or waits for calls, and reports how many calls went as the scenario says.
//
// A scenario may say something: Options.Say is put into the working folder as say.ulaw, raw G.711 mu-law, for
//
//	<exec rtp_stream="say.ulaw,-1,0"/>
//
// with m=audio [rtpstream_audio_port] in its session description. SIPp hears nothing, but with Options.Echo it sends back
// what arrives at [media_port]. Two scenarios come with the package: Caller and Agent, with sound.
//
// It is a driver for tests on loopback, not a load generator: that is the phone itself. One goroutine waits for the
// program's end.
package sipp

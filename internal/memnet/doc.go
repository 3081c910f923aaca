// Package memnet is a packet network in memory, for tests on fake time: endpoints with addresses and ports that
// exchange datagrams over links with delay, jitter, loss, reordering and duplication.
//
// It stands where UDP (RFC 768) stands in production: an Endpoint is a net.PacketConn and has the address-and-port
// methods of *net.UDPConn besides, so that a media session or a SIP transport cannot tell the difference. It keeps UDP's
// manners: datagrams are kept whole, cut to the reader's buffer, lost without a word when nobody listens at their
// destination or when the reader is too slow, and never delivered to the sender's own reader unless addressed to it.
//
// Everything here is made of channels, timers and short critical sections, and no goroutine runs while nothing is
// under way, so a Network works inside a testing/synctest bubble: an hour of traffic takes a moment, and the spacing of
// packets is exact. What happens to a packet is drawn from a seeded generator, one draw after another in the order of
// sending: the same seed and the same order of sending give the same losses.
//
// It is not a simulation of routers: no bandwidth, no queues, no TCP.
package memnet

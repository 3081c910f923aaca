// Package socket is the UDP sockets that sound goes through: thousands of them, read by few goroutines, and filtered by
// the kernel where nobody listens.
//
// It is for media alone and knows of RTP (RFC 3550) no more than a filter needs: the type, the number and the source of
// a packet. It is not for signalling, nor for what a packet means.
//
// On Linux a Poll reads all its sockets from at most one goroutine per core, each on an epoll of its own, and Thin has the
// kernel drop the sound of a far end that nobody hears (a classic socket filter, which needs no privilege). Elsewhere
// each socket has a goroutine, and everything is read.
package socket

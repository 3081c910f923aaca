// Package redistest gives tests a redis-server of their own, and ways to make it suffer: to kill it, to hang it, to empty it, to bring
// it back with its data or without.
//
// Each server has a folder below the system's temporary one and listens on a unix socket or on a free port of the loopback interface.
// A machine without redis-server fails the test. A Link is a way to the server that one client alone has, which can be cut, hang or be slow
// while all others are served.
package redistest

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
)

// How the calls are made: fast enough that they overlap, slow enough that the generator beside them keeps up.
const (
	callsPerRound  = 300
	callsPerSecond = 100
	held           = 500 * time.Millisecond // of the prompt
)

// setups measures the processor time of a call that is set up, answered with a prompt and torn down, beside that of a bare sipgo
// server that answers and hangs up the same calls and plays nothing.
func setups(ctx context.Context, out io.Writer, _ options) error {
	dir, ours, err := beginNode(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer ours.end()
	bare, err := begin(ctx, "sipgo")
	if err != nil {
		return err
	}
	defer bare.end()
	var oursUsed, bareUsed series
	for range rounds {
		for _, side := range []struct {
			process *process
			used    *series
		}{{ours, &oursUsed}, {bare, &bareUsed}} {
			cost, err := costOfCalls(ctx, side.process)
			if err != nil {
				return err
			}
			*side.used = append(*side.used, cost)
		}
	}
	compared(out, "CPU per call set up, answered, torn down", "ms", oursUsed, bareUsed)
	return nil
}

// costOfCalls makes a round of calls and returns the server's processor time for each, in milliseconds.
func costOfCalls(ctx context.Context, server *process) (float64, error) {
	caller, err := phone.New(phone.Options{Bind: loopback, Server: server.serving[0], User: "caller"})
	if err != nil {
		return 0, err
	}
	defer caller.Close()
	before, err := server.used()
	if err != nil {
		return 0, err
	}
	if err := makeCalls(ctx, caller); err != nil {
		return 0, err
	}
	after, err := server.used()
	return float64(after-before) / float64(time.Millisecond) / callsPerRound, err
}

// makeCalls makes a round of calls at the pace, and returns when all are over; the first failure is told.
func makeCalls(ctx context.Context, caller *phone.Phone) error {
	pace := time.NewTicker(time.Second / callsPerSecond)
	defer pace.Stop()
	var calls sync.WaitGroup
	failures := make(chan error, callsPerRound)
	for range callsPerRound {
		<-pace.C
		calls.Go(func() { failures <- oneCall(ctx, caller) })
	}
	calls.Wait()
	for range callsPerRound {
		if err := <-failures; err != nil {
			return err
		}
	}
	return nil
}

func oneCall(ctx context.Context, caller *phone.Phone) error {
	c, err := caller.Dial(ctx, sample.MainNumber, phone.CallOptions{Sound: phone.Sound{Silent: true, Deaf: true}})
	if err != nil {
		return err
	}
	return firstError(wait(ctx, held), c.Hangup(ctx))
}

// bareSIP is the role of the bare server: sipgo's own, with nothing but the answers that such a call needs.
func bareSIP([]string) ([]netip.AddrPort, func(), error) {
	agent, err := sipgo.NewUA()
	if err != nil {
		return nil, nil, err
	}
	server, err := sipgo.NewServer(agent)
	if err != nil {
		return nil, nil, err
	}
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		return nil, nil, err
	}
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	server.OnInvite(func(req *sip.Request, tx sip.ServerTransaction) { answer(req, tx, at) })
	server.OnAck(func(*sip.Request, sip.ServerTransaction) {})
	server.OnBye(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil)) // the caller repeats what is lost
	})
	go func() { _ = server.ServeUDP(conn) }() // until it is closed
	return []netip.AddrPort{at}, func() { _ = agent.Close() }, nil
}

// answer accepts a call at once, with the discard port for its sound.
func answer(req *sip.Request, tx sip.ServerTransaction, at netip.AddrPort) {
	description := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n", at.Addr())
	ok := sip.NewSDPResponseFromRequest(req, []byte(description))
	ok.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip", Host: at.Addr().String(), Port: int(at.Port())}})
	_ = tx.Respond(ok) // the caller repeats what is lost
	<-tx.Done()
}

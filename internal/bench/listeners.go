package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
)

// What the listening callers are measured with: the window is long beside the ticks of the kernel's accounting (4 ms at most).
const (
	listening = 100
	window    = 4 * time.Second
)

// listeners measures the processor time of callers who hear music beside that of a bare loop that sends as many packets of the same
// size at the same pace from as many sockets, both at once.
func listeners(ctx context.Context, out io.Writer, _ int) error {
	dir, ours, err := beginNode(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer ours.end()
	agent, err := paused(ctx, ours.serving[0], "carol")
	if err != nil {
		return err
	}
	defer agent.Close()
	caller, err := phone.New(phone.Options{Bind: loopback, Server: ours.serving[0], User: "caller"})
	if err != nil {
		return err
	}
	defer caller.Close()
	for range listening {
		c, err := caller.Dial(ctx, sample.BillingNumber, phone.CallOptions{Sound: phone.Sound{Silent: true, Deaf: true}})
		if err != nil {
			return err
		}
		if err := c.Ear().WaitSound(ctx); err != nil {
			return err
		}
	}
	sinks, err := openSinks(listening, func(time.Time) {})
	if err != nil {
		return err
	}
	defer sinks.close()
	bare, err := begin(ctx, "sendto", sinks.ports()...)
	if err != nil {
		return err
	}
	defer bare.end()
	oursUsed, bareUsed, err := together(ctx, ours, bare)
	if err != nil {
		return err
	}
	compared(out, fmt.Sprintf("CPU per %d callers who listen", listening), "% of a core", oursUsed, bareUsed)
	return nil
}

// together measures two processes in the same windows, in percent of a core.
func together(ctx context.Context, ours, bare *process) (oursUsed, bareUsed series, err error) {
	for range rounds {
		oursBefore, err1 := ours.used()
		bareBefore, err2 := bare.used()
		if err := firstError(err1, err2, wait(ctx, window)); err != nil {
			return nil, nil, err
		}
		oursAfter, err1 := ours.used()
		bareAfter, err2 := bare.used()
		if err := firstError(err1, err2); err != nil {
			return nil, nil, err
		}
		oursUsed = append(oursUsed, 100*float64(oursAfter-oursBefore)/float64(window))
		bareUsed = append(bareUsed, 100*float64(bareAfter-bareBefore)/float64(window))
	}
	return oursUsed, bareUsed, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// sinks are sockets that read and drop, as the callers' phones do.
type sinks []*net.UDPConn

// openSinks opens sockets; heard is told when a packet came to one of them, each on its own goroutine.
func openSinks(n int, heard func(time.Time)) (sinks, error) {
	var s sinks
	for range n {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
		if err != nil {
			s.close()
			return nil, err
		}
		s = append(s, conn)
		go func() {
			buffer := make([]byte, 2048)
			for {
				if _, _, err := conn.ReadFromUDPAddrPort(buffer); err != nil {
					return // closed
				}
				heard(time.Now())
			}
		}()
	}
	return s, nil
}

func (s sinks) ports() []string {
	ports := make([]string, len(s))
	for i, conn := range s {
		ports[i] = strconv.Itoa(conn.LocalAddr().(*net.UDPAddr).Port)
	}
	return ports
}

func (s sinks) close() {
	for _, conn := range s {
		_ = conn.Close() // nothing was written that could be lost
	}
}

// sendto is the role of the bare loop: a socket for each port, and every 20 ms a packet from each, all by one goroutine.
func sendto(args []string) ([]netip.AddrPort, func(), error) {
	conns, to, err := openSenders(args)
	if err != nil {
		return nil, nil, err
	}
	over := make(chan struct{})
	go func() {
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		packet := make([]byte, packetSize)
		for {
			select {
			case <-over:
				return
			case <-pace.C:
				sendEach(conns, to, packet)
			}
		}
	}()
	return nil, func() { close(over); conns.close() }, nil
}

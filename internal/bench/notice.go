package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// savedFile is the file whose save the bare loop waits for.
const savedFile = "saved.yaml"

// notice is the role of the bare loop beside the toggle: it waits for the kernel's word that savedFile was replaced in a folder, and
// sends one packet of sound's size to each port, from a socket for each. It reads, judges and mixes nothing.
func notice(args []string) ([]netip.AddrPort, func(), error) {
	conns, to, err := openSenders(args[1:])
	if err != nil {
		return nil, nil, err
	}
	end, err := whenSaved(args[0], func() { sendEach(conns, to, make([]byte, packetSize)) })
	if err != nil {
		return nil, nil, err
	}
	return nil, func() { end(); conns.close() }, nil
}

// whenSaved calls a function whenever savedFile is replaced in a folder, until end is called.
func whenSaved(dir string, then func()) (end func(), err error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	if err := watcher.Add(dir); err != nil {
		return nil, err
	}
	go func() {
		for event := range watcher.Events {
			if event.Has(fsnotify.Create) && filepath.Base(event.Name) == savedFile {
				then()
			}
		}
	}()
	return func() { _ = watcher.Close() }, nil // nothing is done after it
}

// noticed is the bare side of the toggle: the loop in processes of its own, and the sockets that hear it.
type noticed struct {
	dir     string
	loop    []*process
	conns   sinks
	arrived chan time.Time // of each packet
}

// beginNotice starts the bare loop for so many listeners.
func beginNotice(ctx context.Context, listeners int) (*noticed, error) {
	n, err := openNoticed(listeners)
	if err != nil {
		return nil, err
	}
	return n, n.begin(ctx, "notice", append([]string{n.dir}, n.conns.ports()...)...)
}

// openNoticed opens the sockets that hear the loop, and makes the folder of the file.
func openNoticed(listeners int) (*noticed, error) {
	dir, err := os.MkdirTemp("", "spillway-bench-*")
	if err != nil {
		return nil, err
	}
	n := &noticed{dir: dir, arrived: make(chan time.Time, listeners)}
	if n.conns, err = openSinks(listeners, func(at time.Time) { n.arrived <- at }); err != nil {
		n.end()
		return nil, err
	}
	return n, nil
}

// begin starts a process of the loop; when that fails everything ends.
func (n *noticed) begin(ctx context.Context, role string, args ...string) error {
	p, err := begin(ctx, role, args...)
	if err != nil {
		n.end()
		return err
	}
	n.loop = append(n.loop, p)
	return nil
}

// save replaces the file and returns the milliseconds to the packet at each listener.
func (n *noticed) save(ctx context.Context) (series, error) {
	ctx, cancel := context.WithTimeout(ctx, hearing)
	defer cancel()
	temporary := filepath.Join(n.dir, "new")
	saved := time.Now()
	if err := os.WriteFile(temporary, []byte("active: true\n"), 0o600); err != nil {
		return nil, err
	}
	if err := os.Rename(temporary, filepath.Join(n.dir, savedFile)); err != nil {
		return nil, err
	}
	var times series
	for range n.conns {
		select {
		case at := <-n.arrived:
			times = append(times, float64(at.Sub(saved))/float64(time.Millisecond))
		case <-ctx.Done():
			return nil, fmt.Errorf("the bare loop was heard by %d of %d: %w", len(times), len(n.conns), ctx.Err())
		}
	}
	return times, nil
}

func (n *noticed) end() {
	for _, p := range n.loop {
		p.end()
	}
	n.conns.close()
	os.RemoveAll(n.dir)
}

// openSenders opens a socket for each port that is sent to.
func openSenders(ports []string) (conns sinks, to []netip.AddrPort, err error) {
	for _, port := range ports {
		address, err := netip.ParseAddrPort(loopback.String() + ":" + port)
		if err != nil {
			return nil, nil, err
		}
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
		if err != nil {
			return nil, nil, err
		}
		conns, to = append(conns, conn), append(to, address)
	}
	return conns, to, nil
}

// packetSize is that of 20 ms of G.711 in RTP: 12 bytes of header, 160 of sound.
const packetSize = 172

// sendEach sends a packet from each socket to its address.
func sendEach(conns sinks, to []netip.AddrPort, packet []byte) {
	for i, conn := range conns {
		_, _ = conn.WriteToUDPAddrPort(packet, to[i]) // a packet lost is a packet lost, as in any sound
	}
}

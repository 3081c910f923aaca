package memnet

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

var (
	alice = netip.MustParseAddrPort("192.0.2.1:4000")
	bob   = netip.MustParseAddrPort("192.0.2.2:4000")
)

// pair opens two endpoints and closes them when the test ends.
func pair(t *testing.T, n *Network) (from, to *Endpoint) {
	t.Helper()
	from, err := n.Listen(alice)
	if err != nil {
		t.Fatal(err)
	}
	to, err = n.Listen(bob)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { from.Close(); to.Close() })
	return from, to
}

// sendNumbers sends count packets, one each step, with their number as payload.
func sendNumbers(t *testing.T, from *Endpoint, count int, step time.Duration) {
	t.Helper()
	for i := range count {
		if _, err := from.WriteToUDPAddrPort(binary.BigEndian.AppendUint32(nil, uint32(i)), bob); err != nil {
			t.Error(err)
			return
		}
		time.Sleep(step)
	}
}

// receiveNumbers reads until nothing comes for a second.
func receiveNumbers(t *testing.T, to *Endpoint) (numbers []uint32) {
	t.Helper()
	b := make([]byte, 64)
	for {
		to.SetReadDeadline(time.Now().Add(time.Second))
		n, _, err := to.ReadFromUDPAddrPort(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return numbers
		}
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, binary.BigEndian.Uint32(b[:n]))
	}
}

func TestPacketsKeepTheirSpacingToTheNanosecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.SetConditions(Conditions{Delay: 50 * time.Millisecond})
		from, to := pair(t, n)
		start := time.Now()
		go sendNumbers(t, from, 500, 20*time.Millisecond)
		b := make([]byte, 64)
		for i := range 500 {
			size, source, err := to.ReadFromUDPAddrPort(b)
			if err != nil || source != alice || binary.BigEndian.Uint32(b[:size]) != uint32(i) {
				t.Fatalf("packet %d: % x from %v, %v", i, b[:size], source, err)
			}
			if got, want := time.Since(start), time.Duration(i)*20*time.Millisecond+50*time.Millisecond; got != want {
				t.Fatalf("packet %d arrived after %v, want %v", i, got, want)
			}
		}
		synctest.Wait()
	})
}

func TestJitterKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(2)
		n.SetConditions(Conditions{Jitter: 200 * time.Millisecond})
		from, to := pair(t, n)
		sendNumbers(t, from, 200, 20*time.Millisecond)
		numbers := receiveNumbers(t, to)
		if len(numbers) != 200 {
			t.Fatalf("%d of 200 packets arrived", len(numbers))
		}
		for i, number := range numbers {
			if number != uint32(i) {
				t.Fatalf("packet %d came as number %d", number, i)
			}
		}
	})
}

func TestPacketsSentAtOnceArriveInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(2)
		from, to := pair(t, n)
		sendNumbers(t, from, 100, 0)
		for i, number := range receiveNumbers(t, to) {
			if number != uint32(i) {
				t.Fatalf("packet %d came as number %d", number, i)
			}
		}
	})
}

func TestTheSameSeedLosesTheSamePackets(t *testing.T) {
	run := func(seed uint64) (numbers []uint32, counts Counts) {
		synctest.Test(t, func(t *testing.T) {
			n := New(seed)
			n.SetConditions(Conditions{Loss: 0.1, Duplicate: 0.1, Reorder: 0.1})
			from, to := pair(t, n)
			sendNumbers(t, from, 400, 20*time.Millisecond)
			numbers, counts = receiveNumbers(t, to), n.Counts()
		})
		return numbers, counts
	}
	first, counts := run(7)
	again, _ := run(7)
	if len(first) != len(again) {
		t.Fatalf("%d packets the first time, %d the second", len(first), len(again))
	}
	swapped := 0
	for i := range first {
		if first[i] != again[i] {
			t.Fatalf("packet %d differs: %d and %d", i, first[i], again[i])
		}
		if i > 0 && first[i] < first[i-1] {
			swapped++
		}
	}
	if swapped == 0 {
		t.Error("nothing was reordered")
	}
	if counts.Lost < 20 || counts.Lost > 70 || counts.Duplicated < 20 || counts.Duplicated > 70 {
		t.Errorf("a tenth each of 400 packets should be lost and doubled: %+v", counts)
	}
	if counts.Sent != 400 || counts.Delivered != uint64(len(first)) || counts.Sent-counts.Lost+counts.Duplicated != counts.Delivered {
		t.Errorf("the figures do not add up: %+v, %d read", counts, len(first))
	}
}

func TestOneDirectionOfALinkCanBeCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(3)
		a, b := pair(t, n)
		n.SetLink(alice, bob, Conditions{Loss: 1})
		a.WriteToUDPAddrPort([]byte("lost"), bob)
		b.WriteToUDPAddrPort([]byte("heard"), alice)
		buffer := make([]byte, 16)
		size, _, err := a.ReadFromUDPAddrPort(buffer)
		if err != nil || string(buffer[:size]) != "heard" {
			t.Fatalf("%q, %v", buffer[:size], err)
		}
		if got := receiveNumbers(t, b); len(got) != 0 {
			t.Fatalf("%d packets came through a cut link", len(got))
		}
	})
}

func TestCloseWakesTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, to := pair(t, New(4))
		failed := make(chan error)
		go func() {
			_, _, err := to.ReadFrom(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			t.Fatalf("reading a closed endpoint: %v", err)
		}
		if err := to.Close(); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("closing twice: %v", err)
		}
		if _, err := to.WriteTo([]byte{1}, net.UDPAddrFromAddrPort(alice)); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("writing to a closed endpoint: %v", err)
		}
	})
}

func TestADeadlineCanBeMovedWhileReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, to := pair(t, New(5))
		start := time.Now()
		to.SetReadDeadline(start.Add(time.Hour))
		failed := make(chan error)
		go func() {
			_, _, err := to.ReadFrom(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		to.SetDeadline(start.Add(time.Minute))
		err := <-failed
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(start) != time.Minute {
			t.Fatalf("after %v: %v", time.Since(start), err)
		}
		if _, err := to.WriteToUDPAddrPort([]byte{1}, alice); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("writing past the deadline: %v", err)
		}
	})
}

func TestASocketsManners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(6)
		from, to := pair(t, n)
		if _, err := n.Listen(alice); !errors.Is(err, ErrAddressInUse) {
			t.Errorf("listening twice: %v", err)
		}
		free, err := n.Listen(netip.AddrPortFrom(alice.Addr(), 0))
		if err != nil || free.AddrPort().Port() < firstEphemeral {
			t.Errorf("port 0 gave %v, %v", free.AddrPort(), err)
		}
		free.Close()
		if _, err := n.Listen(free.AddrPort()); err != nil {
			t.Errorf("the address of a closed endpoint is not free: %v", err)
		}
		if _, err := from.WriteToUDPAddrPort(make([]byte, maxDatagram+1), bob); err == nil {
			t.Error("a datagram over 64 KiB was taken")
		}
		from.WriteTo([]byte("longer than the buffer"), net.UDPAddrFromAddrPort(bob))
		short := make([]byte, 6)
		if size, _, err := to.ReadFrom(short); err != nil || string(short[:size]) != "longer" {
			t.Errorf("%q, %v", short, err)
		}
		from.WriteToUDPAddrPort([]byte{1}, netip.MustParseAddrPort("192.0.2.9:9"))
		for range queueLength + 10 {
			from.WriteToUDPAddrPort([]byte{1}, bob)
		}
		synctest.Wait()
		if c := n.Counts(); c.Unreached != 1 || c.Overrun != 10 {
			t.Errorf("unreached %d, overrun %d; want 1 and 10", c.Unreached, c.Overrun)
		}
	})
}

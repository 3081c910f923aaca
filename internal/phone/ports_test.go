package phone

import (
	"net"
	"testing"
)

func TestAPortThatIsInUseIsNotGivenOut(t *testing.T) {
	given := make(map[uint16]bool)
	for range 20 {
		port, err := FreePorts(2)
		if err != nil {
			t.Fatal(err)
		}
		if given[port] || port%2 != 0 || port < firstPort || port+1 > lastPort {
			t.Fatalf("port %d was given out", port)
		}
		given[port] = true
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port) + 1})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if allFree(int(port), 2) {
			t.Errorf("port %d is in use and counts as free", port+1)
		}
	}
	if _, err := FreePorts(5); err == nil {
		t.Error("five neighbouring ports were given out")
	}
}

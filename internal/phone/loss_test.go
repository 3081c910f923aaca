package phone

import "testing"

func TestALossyPhoneLeavesOutOnePacketInSoMany(t *testing.T) {
	v := newVoice(nil, 4)
	v.address(terms{remote: freeAddress, direction: sendrecv})
	lost := 0
	for range 400 {
		var room [packetSize]byte
		packet, _ := v.next(room[:0])
		if v.lost(packet) {
			lost++
		}
	}
	if lost != 100 {
		t.Errorf("%d of 400 packets are lost, want 100", lost)
	}
}

package phone

import (
	"slices"
	"sync"
	"time"
)

const (
	// frame is the sound in one packet (RFC 3551 section 4.2 recommends 20 ms).
	frame = 20 * time.Millisecond

	// frameSamples is the same in samples, and in G.711 in bytes.
	frameSamples = SampleRate / 50

	// latest is how far the clock may fall behind before it gives up on the packets it missed.
	latest = 200 * time.Millisecond
)

// clock sends the sound of all calls in the process: one goroutine, which runs while there is a voice.
var clock sendClock

// sendClock paces voices. The zero value is ready.
type sendClock struct {
	mu      sync.Mutex
	voices  []*voice // replaced, never changed in place: the goroutine reads its copy without the lock
	running bool
}

// add begins to send a voice.
func (c *sendClock) add(v *voice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.voices = append(slices.Clip(c.voices), v)
	if !c.running {
		c.running = true
		go c.run()
	}
}

// remove stops sending a voice; a packet that is under way may still leave.
func (c *sendClock) remove(v *voice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.voices = slices.DeleteFunc(slices.Clone(c.voices), func(other *voice) bool { return other == v })
}

// turn returns the voices to send now; when there are none the clock stops.
func (c *sendClock) turn() []*voice {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = len(c.voices) > 0
	return c.voices
}

func (c *sendClock) run() {
	var packet [packetSize]byte
	due := time.Now()
	for {
		voices := c.turn()
		if len(voices) == 0 {
			return
		}
		for _, v := range voices {
			v.speak(packet[:0])
		}
		due = due.Add(frame)
		if late := time.Since(due); late > latest {
			due = time.Now()
		}
		time.Sleep(time.Until(due))
	}
}

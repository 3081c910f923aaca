package media

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// ErrNoPorts is in the error of a session that found no free port.
var ErrNoPorts = errors.New("no media port is free")

// portRest is how long a freed port is not used again, so that late packets of one call are not heard in another.
const portRest = 5 * time.Second

// portPool hands out even ports, each with the odd one above it. It is owned by the Engine, under its lock.
type portPool struct {
	free    []uint16 // a queue: the longest unused first
	resting []restingPort
}

type restingPort struct {
	port  uint16
	freed time.Time
}

// newPortPool returns a pool of the pairs within low and high, in random order, as a port that can be guessed can be
// sprayed.
func newPortPool(low, high uint16) (*portPool, error) {
	p := &portPool{}
	for port := int(low) + int(low)%2; port+1 <= int(high); port += 2 {
		p.free = append(p.free, uint16(port))
	}
	if low == 0 || len(p.free) == 0 {
		return nil, fmt.Errorf("media ports %d-%d have no even port with the next one", low, high)
	}
	rand.Shuffle(len(p.free), func(i, j int) { p.free[i], p.free[j] = p.free[j], p.free[i] })
	return p, nil
}

// take returns a port, or false.
func (p *portPool) take(now time.Time) (uint16, bool) {
	p.wake(now)
	if len(p.free) == 0 {
		return 0, false
	}
	port := p.free[0]
	p.free = p.free[1:]
	return port, true
}

// put gives a port back to rest.
func (p *portPool) put(port uint16, now time.Time) {
	p.resting = append(p.resting, restingPort{port, now})
}

// giveBack gives a port back that was not used: it need not rest.
func (p *portPool) giveBack(port uint16) { p.free = append(p.free, port) }

// available returns how many ports could be taken.
func (p *portPool) available(now time.Time) int {
	p.wake(now)
	return len(p.free)
}

// wake frees the ports that have rested.
func (p *portPool) wake(now time.Time) {
	n := 0
	for n < len(p.resting) && now.Sub(p.resting[n].freed) >= portRest {
		p.free = append(p.free, p.resting[n].port)
		n++
	}
	p.resting = p.resting[n:]
}

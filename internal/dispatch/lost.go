package dispatch

import (
	"slices"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// lostPlaces are the places of callers whose node died, by their numbers: who calls again from one takes the oldest. Anonymous callers
// are not found again. It is safe for concurrent use.
type lostPlaces struct {
	mu       sync.Mutex
	byNumber map[string][]*routing.LostPlace // oldest first
}

// set takes over what a view has.
func (l *lostPlaces) set(view *routing.View) {
	byNumber := make(map[string][]*routing.LostPlace)
	for _, lost := range view.Lost {
		if number := lost.Caller.Number; number != "" {
			byNumber[number] = append(byNumber[number], lost)
		}
	}
	for _, list := range byNumber {
		slices.SortFunc(list, func(a, b *routing.LostPlace) int { return routing.Compare(&a.Caller, &b.Caller) })
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byNumber = byNumber
}

// of returns the call whose place a number may take: the first of those that were lost after a moment; "" when there is none. The
// store gives a place once.
func (l *lostPlaces) of(number string, after time.Time) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lost := range l.byNumber[number] {
		if lost.At.After(after) {
			return lost.Caller.Call
		}
	}
	return ""
}

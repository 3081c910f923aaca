package dispatch

import (
	"slices"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// holdings are what this node holds besides those who wait, whatever a store knows of it: the node has the dialogs, so it is the truth
// for them. A store that lacks it, because it was away, was emptied or went back, is told again. Safe for concurrent use; the
// mutex is never held while anything is sent or waited for.
type holdings struct {
	mu      sync.Mutex
	talks   map[string]*talk           // conversations of this node's calls, by call
	phones  map[string][]routing.Phone // registered through this node, by agent; as Register takes them
	outside map[string]string          // calls of this node outside the queues, by the agent who is in them
}

// talk is one conversation.
type talk struct {
	claim routing.Claim
	taken chan struct{} // closed when the store has the agent with somebody else
	over  bool          // it has ended, and the store may not know yet
}

func newHoldings() holdings {
	return holdings{
		talks: make(map[string]*talk), phones: make(map[string][]routing.Phone), outside: make(map[string]string),
	}
}

// begin notes a conversation.
func (h *holdings) begin(claim routing.Claim) *talk {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.talks[claim.Call]; t != nil && t.claim.Token == claim.Token {
		return t
	}
	t := &talk{claim: claim, taken: make(chan struct{})}
	h.talks[claim.Call] = t
	return t
}

// end notes that a conversation is over, and returns it; nil when there was none.
func (h *holdings) end(claim routing.Claim) *talk {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.talks[claim.Call]
	if t == nil || t.claim.Token != claim.Token {
		return nil
	}
	t.over = true
	return t
}

// goesOn reports whether a conversation is not over.
func (h *holdings) goesOn(claim routing.Claim) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.talks[claim.Call]
	return t != nil && t.claim.Token == claim.Token && !t.over
}

// claim is the conversation that a claim has become, nil when it has not, or is over.
func (h *holdings) claim(c routing.Claim) *routing.Claim {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.talks[c.Call]
	if t == nil || t.claim.Token != c.Token || t.over {
		return nil
	}
	talking := t.claim
	return &talking
}

// drop forgets a conversation.
func (h *holdings) drop(claim routing.Claim) *talk {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.talks[claim.Call]
	if t == nil || t.claim.Token != claim.Token {
		return nil
	}
	delete(h.talks, claim.Call)
	return t
}

// register notes the phones of an agent; none forgets him.
func (h *holdings) register(agent string, phones []routing.Phone) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(phones) == 0 {
		delete(h.phones, agent)
		return
	}
	h.phones[agent] = slices.Clone(phones)
}

// goOutside notes a call of an agent outside the queues, or ("") its end.
func (h *holdings) goOutside(agent, call string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if call == "" {
		delete(h.outside, agent)
		return
	}
	h.outside[agent] = call
}

// phonesOf are the phones of an agent that are registered here.
func (h *holdings) phonesOf(agent string) []routing.Phone {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.phones[agent])
}

// outsideOf is the call of this node outside the queues that an agent is in, "" for none.
func (h *holdings) outsideOf(agent string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.outside[agent]
}

// gap is where a view and the holdings differ: what the store is to be told.
type gap struct {
	holds   []routing.Claim // conversations that it lacks
	ends    []routing.Claim // conversations that are over here, or never were
	phones  []string        // agents whose phones it has otherwise
	outside []string        // agents whose call outside it has otherwise
}

// against compares the holdings with a view. It forgets conversations that are over for both, and phones whose time is.
func (h *holdings) against(view *routing.View, node string, now time.Time) gap {
	h.mu.Lock()
	defer h.mu.Unlock()
	var g gap
	for call, t := range h.talks {
		a := view.Agents[t.claim.Agent]
		known := a != nil && a.Claim.Talking() && a.Claim.Token == t.claim.Token
		switch {
		case t.over && known:
			g.ends = append(g.ends, t.claim)
		case t.over:
			delete(h.talks, call)
		case !known:
			g.holds = append(g.holds, t.claim)
		}
	}
	for agent, phones := range h.phones {
		h.phones[agent] = slices.DeleteFunc(phones, func(p routing.Phone) bool { return !p.Live(now) })
		if len(h.phones[agent]) == 0 {
			delete(h.phones, agent)
		} else if view.Agents[agent] == nil {
			g.phones = append(g.phones, agent)
		}
	}
	for name, a := range view.Agents {
		if a.Claim.Talking() && a.Claim.Node == node {
			if t := h.talks[a.Claim.Call]; t == nil || t.claim.Token != a.Claim.Token {
				g.ends = append(g.ends, *a.Claim)
			}
		}
		if !agree(a.Phones, h.phones[name], node, now) {
			g.phones = append(g.phones, name)
		}
		if call := h.outside[name]; call != "" && a.Outside != call || call == "" && a.OutsideNode == node && a.Outside != "" {
			g.outside = append(g.outside, name)
		}
	}
	return g
}

// agree reports whether a store has the phones that are registered through a node as the node has them. A phone that another node
// took later is not the node's any more.
func agree(stored, held []routing.Phone, node string, now time.Time) bool {
	at := func(p routing.Phone) bool {
		i := slices.IndexFunc(stored, func(s routing.Phone) bool { return s.Place == p.Place })
		return i >= 0 && (stored[i].Node == node && micros(stored[i].Until).Equal(micros(p.Until)) || stored[i].Node != node && stored[i].Refreshed.After(p.Refreshed))
	}
	for _, p := range held {
		if p.Live(now) && !at(p) {
			return false
		}
	}
	for _, s := range stored {
		if s.Node == node && s.Live(now) && !slices.ContainsFunc(held, func(p routing.Phone) bool { return p.Place == s.Place }) {
			return false
		}
	}
	return true
}

// micros is a time as exactly as every store keeps it.
func micros(t time.Time) time.Time { return t.Truncate(time.Microsecond) }

// twice lets through what was found by two sweeps in a row: what is on its way in or out of the store is found once.
type twice struct{ before map[string]bool }

// seen notes what a sweep found, and returns what the sweep before it found as well.
func (t *twice) seen(found []string) map[string]bool {
	both, now := make(map[string]bool), make(map[string]bool, len(found))
	for _, key := range found {
		now[key] = true
		if t.before[key] {
			both[key] = true
		}
	}
	t.before = now
	return both
}

package memq

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// Heartbeat renews a node's lease.
func (s *Store) Heartbeat(ctx context.Context, node string) (routing.Beat, error) {
	var beat routing.Beat
	err := s.step(ctx, func(now time.Time) error {
		s.view.ForgetLost(now)
		s.leases[node] = now.Add(routing.Lease)
		beat = routing.Beat{Seq: s.view.Seq, Incarnation: s.view.Incarnation}
		owners := s.owners()
		for name, until := range s.leases {
			if now.Before(until) {
				beat.Nodes = append(beat.Nodes, name)
				delete(owners, name)
			} else if !owners[name] {
				delete(s.leases, name)
			}
		}
		for name := range owners {
			beat.Expired = append(beat.Expired, name)
		}
		beat.Leases = maps.Clone(s.leases)
		slices.Sort(beat.Nodes)
		slices.Sort(beat.Expired)
		return nil
	})
	return beat, err
}

// Part ends a node's lease.
func (s *Store) Part(ctx context.Context, node string) error {
	return s.step(ctx, func(now time.Time) error {
		s.leases[node] = now
		return nil
	})
}

// owners are the nodes that own a caller, a claim, a call outside or a phone.
func (s *Store) owners() map[string]bool {
	owners := make(map[string]bool)
	for _, c := range s.view.Callers {
		owners[c.Node] = true
	}
	for _, a := range s.view.Agents {
		for _, p := range a.Phones {
			owners[p.Node] = true
		}
		if a.Outside != "" {
			owners[a.OutsideNode] = true
		}
	}
	for _, claim := range s.claims {
		owners[claim.Node] = true
	}
	delete(owners, "")
	return owners
}

// Reap takes out all that a dead node owned, always in the same order.
func (s *Store) Reap(ctx context.Context, node string) error {
	return s.step(ctx, func(now time.Time) error {
		if now.Before(s.leases[node]) {
			return fmt.Errorf("reap %s: %w", node, routing.ErrAlive)
		}
		delete(s.leases, node)
		for _, call := range slices.Sorted(maps.Keys(s.view.Callers)) {
			if s.view.Callers[call].Node == node {
				s.leave(call, routing.LeftNodeLost, now)
			}
		}
		for _, token := range slices.Sorted(maps.Keys(s.claims)) {
			if claim := s.claims[token]; claim.Node == node {
				s.drop(claim, now)
			}
		}
		agents := slices.Sorted(maps.Keys(s.view.Agents))
		for _, name := range agents {
			if a := s.view.Agents[name]; a.Outside != "" && a.OutsideNode == node {
				s.outside(name, "", "", now)
			}
		}
		for _, name := range agents {
			if a := s.view.Agents[name]; slices.ContainsFunc(a.Phones, func(p routing.Phone) bool { return p.Node == node }) {
				over := func(p routing.Phone) bool { return !p.Live(now) }
				s.phones(name, slices.DeleteFunc(a.Orphaned(node), over), routing.LeftNodeLost, now)
			}
		}
		return nil
	})
}

// drop ends a claim of a dead node: whom it bound is free, with nothing held against him.
func (s *Store) drop(claim *routing.Claim, now time.Time) {
	if claim.Talking() {
		s.finish(claim, 0, routing.LeftNodeLost, now)
		return
	}
	s.release(claim, routing.Withdrawn, now)
}

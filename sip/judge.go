package sip

import (
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// A claim is what the credentials of a request are worth.
type claim int

const (
	claimNone   claim = iota // none for our realm
	claimGood                // an account's, fresh
	claimStale               // an account's, but the nonce has had its time or its count did not rise
	claimBad                 // nobody's
	claimSilent              // too many bad ones before: not worth an answer
)

// plea is what is known about a caller before it is judged.
type plea struct {
	claim      claim
	account    Peer   // whom good credentials prove
	registered bool   // from the exact flow of a live registration
	trunk      string // the trunk that has this address, "" for none
}

// ruling is what becomes of a caller: a peer, or a refusal, or silence.
type ruling struct {
	peer      Peer
	refused   int // 401 or 403, 0 when accepted
	stale     bool
	silent    bool
	challenge bool
}

// rule decides who is calling, in the order that the contract gives: whoever calls from a registered phone proves
// that he is an agent, even where a trunk has the same address; credentials count before addresses; strangers are
// asked, and get the same answer for any name.
func rule(p plea) ruling {
	switch {
	case p.claim == claimSilent:
		return ruling{silent: true}
	case p.claim == claimBad:
		return ruling{refused: 403}
	case p.claim == claimStale:
		return ruling{refused: 401, stale: true, challenge: true}
	case p.claim == claimGood:
		return ruling{peer: p.account}
	case p.registered:
		return ruling{refused: 401, challenge: true}
	case p.trunk != "":
		return ruling{peer: Peer{Kind: PeerTrunk, Name: p.trunk}}
	default:
		return ruling{refused: 401, challenge: true}
	}
}

// decision is a ruling with the answer that it means.
type decision struct {
	peer   Peer
	wrong  *fault
	silent bool
}

// judge finds out what is known about the caller of an INVITE, and decides.
func (s *Server) judge(f flow, req *sipgo.Request) decision {
	now := time.Now()
	directory := s.directory.Load()
	p := plea{registered: s.registrar.registered(f)}
	p.trunk, _ = directory.trunkAt(f.remote.Addr())
	proof, worth := s.authenticate(f, req, directory, now)
	p.claim = worth
	if worth == claimGood {
		p.account = directory.peerOf(proof.user)
	}
	r := rule(p)
	d := decision{peer: r.peer, silent: r.silent}
	if r.refused != 0 {
		d.wrong = s.denial(f, r, now)
	}
	return d
}

// denial is the answer to a caller who was not accepted, with a challenge where one may still prove himself.
func (s *Server) denial(f flow, r ruling, now time.Time) *fault {
	wrong := &fault{code: r.refused}
	if r.challenge {
		for _, a := range s.options.Digest {
			text := challenge(s.options.Realm, a, s.nonces.issue(f, now), r.stale)
			wrong.headers = append(wrong.headers, sipgo.NewHeader("WWW-Authenticate", text))
		}
	}
	return wrong
}

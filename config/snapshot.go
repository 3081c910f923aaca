package config

import (
	"net/netip"
	"time"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/ivr"
	"github.com/spillway-voice/spillway/routing"
)

// Snapshot is what centre.yaml and incidents.yaml say together, compiled. It is immutable: whoever has one may read it from
// any goroutine and must not change it.
type Snapshot struct {
	Version      string // digest of the two files, 12 hexadecimal digits
	Centre       Centre
	Trunks       []Trunk           // in the order of their names
	Numbers      map[string]string // dialled number, as NormalNumber returns it, to the flow it starts
	Conversation *ivr.Plan
	Routing      *routing.Plan         // without any incident's effects
	Accounts     map[string]Account    // by agent
	Incidents    []incident.Definition // in the order of the file
	Warnings     []Mistake             // what was accepted but deserves a look

	ends map[string]Place // where the end of each incident is written
}

// IncidentEnd is where the end of an incident is written, for what only a node with its board can find wrong with it; the file alone
// for one that is not in it.
func (s *Snapshot) IncidentEnd(name string) Place {
	if at, ok := s.ends[name]; ok {
		return at
	}
	return Place{File: IncidentsFile}
}

// Centre is what holds for the centre as a whole.
type Centre struct {
	Name       string         // in every key, event and metric
	Zone       *time.Location // of hours, of times without an offset, and of the local midnight
	Language   string         // BCP 47, of the built-in prompts
	Seats      int            // how many agents may be signed in at one time
	PromptsDir string         // folder of the centre's recordings, absolute
	// PromptLevel is what recordings are brought to, in dBFS, -40 to -10; 0: they stay as they were recorded.
	PromptLevel int
}

// Trunk is a way to and from the outside: a carrier, a session border controller.
type Trunk struct {
	Name           string
	Accept         []netip.Prefix // who may send calls without a password
	Media          []netip.Prefix // from where its sound may come besides the addresses it names
	Gateways       []Gateway      // where calls to the outside go, in order of preference
	CallerID       string         // normalised number shown on calls to the outside; "": none
	Channels       int            // calls the trunk carries at one time; 0: not limited
	KeepForCallers int            // percent of Channels kept free from calls to the outside
	SRTP           string         // off, optional or required
}

// Gateway is one address of a trunk.
type Gateway struct {
	Host      string // an IPv4 address or a host name
	Port      int
	Transport string // "udp" or "tcp"
}

// Account is what an agent's phone registers with. Print it and nothing is told.
type Account struct {
	Secret Secret
	SRTP   string // off, optional or required
}

// Trunk returns the trunk that accepts calls from an address, or nil. Prefixes do not overlap, so there is at most one.
func (s *Snapshot) Trunk(from netip.Addr) *Trunk {
	from = from.Unmap()
	for i := range s.Trunks {
		for _, prefix := range s.Trunks[i].Accept {
			if prefix.Contains(from) {
				return &s.Trunks[i]
			}
		}
	}
	return nil
}

// Incident returns the definition of the named incident, or nil.
func (s *Snapshot) Incident(name string) *incident.Definition {
	for i := range s.Incidents {
		if s.Incidents[i].Name == name {
			return &s.Incidents[i]
		}
	}
	return nil
}

package call

import "github.com/spillway-voice/spillway/media"

// Side is whose leg of a call it is.
type Side string

// The legs of a call.
const (
	CallerLeg Side = "caller"
	AgentLeg  Side = "agent"
)

// measure tells how good the sound of a leg was that has ended, and returns it; nil when there was none.
func (c *Call) measure(side Side, s Sound) *media.Quality {
	q := s.Quality()
	if !q.Heard.Known() && !q.Sent.Known() {
		return nil
	}
	c.house.Measured(side, q)
	return &q
}

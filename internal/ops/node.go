package ops

import (
	"context"
	"errors"
	"time"
)

// Node is what this package needs of the node that it shows. All methods are safe for concurrent use. They answer from memory
// and at once: where an answer must be waited for, the wait ends with the context, and the error says so. The values returned
// belong to the caller.
type Node interface {
	// Ready returns nil while the node takes calls, else why it does not, in words for people: "draining".
	Ready() error
	// Queues returns every queue of the centre, by name.
	Queues(context.Context) ([]Queue, error)
	// Agents returns every agent of the centre, by name, also those who are offline.
	Agents(context.Context) ([]Agent, error)
	// Seats returns who has a seat and who waits for one.
	Seats(context.Context) (Seats, error)
	// Calls returns the calls of the centre in order of arrival, those that ended for 60 s more.
	Calls(context.Context) ([]Call, error)
	// OwnCalls returns those of them that this node owns, from memory alone.
	OwnCalls(context.Context) ([]Call, error)
	// Incidents returns every incident that a file describes or the board remembers, by name.
	Incidents(context.Context) ([]Incident, error)
	// Nodes returns the nodes that serve the centre, by name, those that were lost too, and how the store that they share stands.
	Nodes(context.Context) (Nodes, error)
	// Toggle switches an incident on or off and returns it as it stands then. The errors below have a status of their own;
	// any other is an internal error. When it returns, the revision is kept: it outlives a restart.
	Toggle(ctx context.Context, incident string, t Toggle) (Incident, error)
	// Config returns which configuration is in force, and what is wrong with the one on disk.
	Config() Config
}

// The errors of Node.Toggle, to be wrapped with what exactly is the matter: the text reaches the user.
var (
	// ErrUnknownIncident says that neither the files nor the board know the name: status 404.
	ErrUnknownIncident = errors.New("no such incident")
	// ErrRefusedToggle says that the request was understood and cannot be: an end in the past, no end at all. Status 422.
	ErrRefusedToggle = errors.New("refused")
	// ErrConflict says that somebody else changed the incident at the same moment: status 409.
	ErrConflict = errors.New("changed by somebody else at the same moment")
	// ErrUnavailable says that the answer cannot be had now, as while the node stops: status 503.
	ErrUnavailable = errors.New("not available now")
)

// Toggle is a request to switch an incident on or off. Of For, Until and Manual at most one is set; none means what the file says.
type Toggle struct {
	Active bool
	For    time.Duration // from now on
	Until  time.Time     // a fixed end
	Manual bool          // no end until somebody switches it off
	Reason string        // why, in the words of whoever asks; "" none
	By     string        // who: the token's name, or "local" where no tokens are set
	From   string        // where the request came from: an address
}

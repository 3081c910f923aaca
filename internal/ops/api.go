package ops

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

const (
	// answerLimit is how long the node may take for an answer.
	answerLimit = 5 * time.Second
	// refusalsPerSecond and refusalsAtOnce bound the log lines that strangers can cause.
	refusalsPerSecond = 2
	refusalsAtOnce    = 20
)

// api answers the requests. Its fields are set once; it is safe for concurrent use.
type api struct {
	node    Node
	feed    *Feed
	gate    gate
	log     *zap.Logger
	streams chan struct{}   // a place for each event stream
	stop    context.Context // done when the server closes: event streams end
	refused *rate.Limiter   // log lines about refused requests
}

// visit is one request on its way through the API.
type visit struct {
	w    http.ResponseWriter
	r    *http.Request
	ctx  context.Context // ends with the request, and when the answer takes too long
	who  string          // the token's name
	what []zap.Field     // what it asks for, for the audit log
}

// action answers a visit, or says why not.
type action func(*visit) error

// newHandler returns everything that the server answers. metrics answers /metrics.
func newHandler(a *api, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/healthz", a.public(a.health))
	mux.Handle("/readyz", a.public(a.ready))
	mux.Handle("/metrics", a.public(func(v *visit) error { metrics.ServeHTTP(v.w, v.r); return nil }))
	mux.Handle("/api/v1/queues", a.private(a.queues))
	mux.Handle("/api/v1/agents", a.private(a.agents))
	mux.Handle("/api/v1/seats", a.private(a.seats))
	mux.Handle("/api/v1/calls", a.private(a.calls))
	mux.Handle("/api/v1/nodes", a.private(a.nodes))
	mux.Handle("/api/v1/incidents", a.private(a.incidents))
	mux.Handle("/api/v1/incidents/{name}", a.private(a.incident, http.MethodPost))
	mux.Handle("/api/v1/config", a.private(a.config))
	mux.Handle("/api/v1/events", a.private(a.events))
	mux.Handle("/api/", a.private(a.unknown, http.MethodPost))
	mux.Handle("/", a.public(a.unknown))
	return a.surviving(mux)
}

// surviving makes a panic end its request alone, and the log tell of it.
func (a *api) surviving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				a.log.Error("the API panicked", zap.String("path", r.URL.Path), zap.Any("panic", p), zap.Stack("stack"))
				panic(http.ErrAbortHandler) // the connection is cut: what was written so far may be half an answer
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// public answers without a token.
func (a *api) public(do action) http.Handler {
	return a.handle(func(v *visit) error {
		if err := a.gate.host(v.r); err != nil {
			return err
		}
		if err := allowMethods(v.r); err != nil {
			return err
		}
		return do(v)
	})
}

// private answers those who may use the API. It reads, and takes the methods named beside.
func (a *api) private(do action, methods ...string) http.Handler {
	return a.handle(func(v *visit) (err error) {
		if err := a.gate.host(v.r); err != nil {
			return err
		}
		if err := a.gate.origin(v.r); err != nil {
			return err
		}
		if v.who, err = a.gate.admit(v.r); err != nil {
			return err
		}
		if err := allowMethods(v.r, methods...); err != nil {
			return err
		}
		var cancel context.CancelFunc
		v.ctx, cancel = context.WithTimeout(v.r.Context(), answerLimit)
		defer cancel()
		return do(v)
	})
}

// handle lets an action answer, tells its failure if there is one, and writes the audit log.
func (a *api) handle(do action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{w: w, r: r}
		err := do(v)
		status := http.StatusOK
		if err != nil {
			f := failureOf(err)
			status = f.status
			maps.Copy(w.Header(), f.header)
			v.write(f.status, f.body())
		}
		if status == http.StatusInternalServerError {
			a.log.Error("the API failed", zap.String("path", r.URL.Path), zap.Error(err))
		}
		a.audit(v, status, err)
	})
}

// allowMethods refuses a method other than GET, HEAD and those named.
func allowMethods(r *http.Request, more ...string) error {
	if isSafe(r.Method) || slices.Contains(more, r.Method) {
		return nil
	}
	f := refuse(http.StatusMethodNotAllowed, "method_not_allowed", "this method is not for this address")
	f.header = http.Header{"Allow": {strings.Join(append([]string{http.MethodGet, http.MethodHead}, more...), ", ")}}
	return f
}

// audit logs every request that would change something, and every one that was denied: who, from where, what, and what became of
// it. Of what strangers cause, only so many lines a second.
func (a *api) audit(v *visit, status int, err error) {
	denied := status == http.StatusUnauthorized || status == http.StatusForbidden
	if isSafe(v.r.Method) && !denied {
		return
	}
	if err != nil && (denied || v.who == "") && !a.refused.Allow() {
		return
	}
	fields := append([]zap.Field{
		zap.String("by", v.who), zap.String("from", v.address()), zap.String("method", v.r.Method),
		zap.String("path", v.r.URL.Path), zap.Int("status", status)}, v.what...)
	if err != nil {
		a.log.Warn("API request refused", append(fields, zap.Error(err))...)
		return
	}
	a.log.Info("API request", fields...)
}

// address returns where the request came from, without the port.
func (v *visit) address() string {
	host, _, err := net.SplitHostPort(v.r.RemoteAddr)
	if err != nil {
		return v.r.RemoteAddr
	}
	return host
}

// write sends a value as JSON.
func (v *visit) write(status int, value any) {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(value); err != nil {
		status = http.StatusInternalServerError
		body.Reset()
		body.WriteString(`{"error":{"code":"internal","message":"the answer could not be written"}}`)
	}
	header := v.w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write(body.Bytes()) // who does not read the answer does not want it
	}
}

// reply writes an answer of the node, or hands its error on.
func reply[T any](v *visit, answer T, err error) error {
	if err != nil {
		return err
	}
	v.write(http.StatusOK, answer)
	return nil
}

func (a *api) health(v *visit) error {
	v.write(http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

func (a *api) ready(v *visit) error {
	if err := a.node.Ready(); err != nil {
		return refuse(http.StatusServiceUnavailable, "not_ready", err.Error())
	}
	v.write(http.StatusOK, map[string]string{"status": "ready"})
	return nil
}

func (a *api) queues(v *visit) error {
	queues, err := a.node.Queues(v.ctx)
	return reply(v, listed(queues), err)
}

func (a *api) agents(v *visit) error {
	agents, err := a.node.Agents(v.ctx)
	for i := range agents {
		if agents[i].Queues == nil {
			agents[i].Queues = map[string]int{}
		}
	}
	return reply(v, listed(agents), err)
}

func (a *api) seats(v *visit) error {
	seats, err := a.node.Seats(v.ctx)
	seats.Agents, seats.Waiting = listed(seats.Agents), listed(seats.Waiting)
	return reply(v, seats, err)
}

func (a *api) calls(v *visit) error {
	calls, err := a.node.Calls(v.ctx)
	for i := range calls {
		calls[i].Incidents = listed(calls[i].Incidents)
	}
	return reply(v, listed(calls), err)
}

func (a *api) nodes(v *visit) error {
	nodes, err := a.node.Nodes(v.ctx)
	nodes.Nodes = listed(nodes.Nodes)
	return reply(v, nodes, err)
}

func (a *api) incidents(v *visit) error {
	incidents, err := a.node.Incidents(v.ctx)
	return reply(v, listed(incidents), err)
}

// incident shows one incident, or switches it.
func (a *api) incident(v *visit) error {
	if v.r.Method == http.MethodPost {
		return a.toggle(v)
	}
	incidents, err := a.node.Incidents(v.ctx)
	if err != nil {
		return err
	}
	name := v.r.PathValue("name")
	i := slices.IndexFunc(incidents, func(i Incident) bool { return i.Name == name })
	if i < 0 {
		return ErrUnknownIncident
	}
	v.write(http.StatusOK, incidents[i])
	return nil
}

func (a *api) toggle(v *visit) error {
	name := v.r.PathValue("name")
	v.what = append(v.what, zap.String("incident", name))
	body, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(a.node.Config().Timezone)
	if err != nil {
		return err
	}
	t, err := parseToggle(body, zone)
	if err != nil {
		return err
	}
	t.By, t.From = v.who, v.address()
	v.what = append(v.what, zap.Bool("active", t.Active), zap.Stringer("for", t.For),
		zap.Stringer("until", Time(t.Until)), zap.Bool("manual", t.Manual), zap.String("reason", t.Reason))
	i, err := a.node.Toggle(v.ctx, name, t)
	if err != nil {
		return err
	}
	v.what = append(v.what, zap.Int("revision", i.Revision))
	v.write(http.StatusOK, i)
	return nil
}

func (a *api) config(v *visit) error {
	v.write(http.StatusOK, a.node.Config())
	return nil
}

func (a *api) unknown(*visit) error {
	return refuse(http.StatusNotFound, "not_found", "there is nothing at this address")
}

// listed returns the list, which is never nil: JSON has [] for it.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

package redisq_test

import (
	"errors"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/store/redistest"
	"github.com/spillway-voice/spillway/routing"
)

func TestOneBadRecordCostsNobodyTheRest(t *testing.T) {
	server := redistest.Start(t)
	s := opened(t, server, "kettle")
	must(t, s.Pause(t.Context(), "alice", "lunch"))
	client := server.Client()
	for key, record := range map[string][2]string{
		"agents":  {"bob", `{"name":"bob","calls":1.5}`},
		"callers": {"x", `{"call":"y","node":"n2","queue":"gone","priority":0,"entered":"1"}`},
		"queues":  {"orders", `{`},
		"lost":    {"z", `{"at":"1"}`},
	} {
		must(t, client.HSet(t.Context(), "spillway:{kettle}:"+key, record[0], record[1]).Err())
	}
	v, err := s.Snapshot(t.Context())
	if err != nil || v.Agents["alice"] == nil || len(v.Agents) != 1 || len(v.Callers)+len(v.Queues)+len(v.Lost) != 0 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestAStepOnABadRecordIsNotTriedForEver(t *testing.T) {
	server := redistest.Start(t)
	s := opened(t, server, "kettle")
	must(t, server.Client().HSet(t.Context(), "spillway:{kettle}:agents", "bob", `{`).Err())
	phones := []routing.Phone{{Place: "desk", Direct: true, Until: s.Now().Add(time.Hour)}}
	if err := s.Register(t.Context(), "bob", "n1", phones); !errors.Is(err, routing.ErrMalformed) {
		t.Errorf("the error is %v: it is told again before everything else", err)
	}
}

func TestAnEventThatIsNotWholeEndsTheStream(t *testing.T) {
	for name, fields := range map[string][]any{
		"a caller who left and never was": {"kind", "caller.left", "reason", "node-lost", "call", "c9"},
		"an offer of nobody":              {"kind", "caller.offered", "call", "c9", "caller", `{"call":"c9","node":"n1","queue":"orders","priority":0}`},
		"another caller":                  {"kind", "caller.entered", "call", "c9", "caller", `{"call":"c8","node":"n1","queue":"orders","priority":0}`},
		"an agent without a name":         {"kind", "agent.changed", "agent", `{"name":""}`},
		"a kind that is none":             {"kind", "coffee", "call", "c9"},
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			s := opened(t, server, "kettle")
			if _, err := s.Heartbeat(t.Context(), "n1"); err != nil {
				t.Fatal(err)
			}
			v, err := s.Snapshot(t.Context())
			must(t, err)
			events, err := s.Subscribe(t.Context(), v.Seq)
			must(t, err)
			command := append([]any{"XADD", "spillway:{kettle}:events", "1-0", "incarnation", v.Incarnation, "prior", "0", "at", "5"}, fields...)
			must(t, server.Client().Do(t.Context(), command...).Err())
			select {
			case e, open := <-events:
				if open {
					t.Errorf("it was passed on: %+v", e)
				}
			case <-time.After(patience):
				t.Error("the stream goes on")
			}
		})
	}
}

func TestAnAgentWhoCannotBeWrittenCostsNobodyTheRest(t *testing.T) {
	s := opened(t, redistest.Start(t), "kettle")
	until := s.Now().Add(time.Hour)
	bad := &routing.AgentState{Name: "alice", Phones: []routing.Phone{{Place: "al\xffice@192.0.2.1:5060;", Node: "n1", Until: until}}}
	good := &routing.AgentState{Name: "bob", Calls: 3}
	must(t, s.Recall(t.Context(), []*routing.AgentState{bad, good}))
	v, err := s.Snapshot(t.Context())
	if err != nil || v.Agents["alice"] != nil || v.Agents["bob"] == nil || v.Agents["bob"].Calls != 3 {
		t.Errorf("%+v, %v", v, err)
	}
}

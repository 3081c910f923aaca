package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

// patientNodes are nodes that do again what took too long.
type patientNodes struct{ *store.Nodes }

func (n patientNodes) Announce(ctx context.Context, node store.Node) error {
	return patiently(func() error { return n.Nodes.Announce(ctx, node) })
}

func (n patientNodes) Join(ctx context.Context, node store.Node) (earlier string, err error) {
	err = patiently(func() error {
		earlier, err = n.Nodes.Join(ctx, node)
		return err
	})
	return earlier, err
}

func (n patientNodes) Leave(ctx context.Context, id, boot string) error {
	return patiently(func() error { return n.Nodes.Leave(ctx, id, boot) })
}

// life is a boot of a node.
func life(id, boot string) store.Node {
	return store.Node{
		ID: id, Boot: boot, SIP: "10.0.0.1:5060", Configuration: "sha256:0af", Version: "1.2.0/é\"",
		Wall: time.Date(2026, 11, 23, 9, 0, 0, 123456000, time.UTC),
	}
}

// openNodes returns the nodes of a server's store.
func openNodes(t *testing.T, server *redistest.Server) (*store.Store, patientNodes) {
	t.Helper()
	s, _ := openBoard(t, server)
	return s, patientNodes{store.NewNodes(s)}
}

// joined lets a boot join, and returns from which it took over.
func joined(t *testing.T, n patientNodes, node store.Node) string {
	t.Helper()
	earlier, err := n.Join(t.Context(), node)
	if err != nil {
		t.Fatal(err)
	}
	return earlier
}

// listed returns the nodes.
func listed(t *testing.T, n patientNodes) []store.Peer {
	t.Helper()
	peers, err := n.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return peers
}

// age makes a node's record as old as if it had not been heard for so long.
func age(t *testing.T, client *redis.Client, s *store.Store, id string, by time.Duration) {
	t.Helper()
	text, err := client.HGet(t.Context(), s.Key(store.KeyNodes), id).Result()
	if err != nil {
		t.Fatal(err)
	}
	var record map[string]string
	if err := json.Unmarshal([]byte(text), &record); err != nil {
		t.Fatal(err)
	}
	at, err := store.ParseTime(record["at"])
	if err != nil {
		t.Fatal(err)
	}
	record["at"] = strconv.FormatInt(at.Add(-by).UnixMicro(), 10)
	older, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.HSet(t.Context(), s.Key(store.KeyNodes), id, older).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestANodeIsListedOnEveryNodeAsItAnnouncedItself(t *testing.T) {
	server := redistest.Start(t)
	s, here := openNodes(t, server)
	_, there := openNodes(t, server)
	for _, id := range []string{"syd-2", "syd-1"} {
		if earlier := joined(t, here, life(id, "b1")); earlier != "" {
			t.Errorf("it took over from %q", earlier)
		}
	}
	age(t, server.Client(), s, "syd-2", 2*store.NodeLife)
	renewed := life("syd-1", "b1")
	renewed.Configuration = "sha256:1bc"
	if err := here.Announce(t.Context(), renewed); err != nil {
		t.Fatal(err)
	}
	peers := listed(t, there)
	if len(peers) != 2 || peers[0].Node != renewed || peers[1].Node != life("syd-2", "b1") {
		t.Fatalf("%+v", peers)
	}
	if !peers[0].Alive || peers[1].Alive || peers[0].Heard.Sub(peers[1].Heard) < store.NodeLife {
		t.Errorf("%+v", peers)
	}
}

func TestABootTakesOverFromOneThatIsNotHeardAnyMore(t *testing.T) {
	server := redistest.Start(t)
	s, n := openNodes(t, server)
	joined(t, n, life("syd-1", "b1"))
	age(t, server.Client(), s, "syd-1", store.NodeLife)
	for range 2 { // as after an answer that was lost
		if earlier := joined(t, n, life("syd-1", "b2")); earlier != "b1" {
			t.Errorf("it took over from %q", earlier)
		}
	}
	if err := n.Announce(t.Context(), life("syd-1", "b1")); !errors.Is(err, store.ErrTwin) || !strings.Contains(err.Error(), "syd-1") {
		t.Errorf("the earlier boot: %v", err)
	}
	if err := n.Announce(t.Context(), life("syd-1", "b2")); err != nil {
		t.Error(err)
	}
	age(t, server.Client(), s, "syd-1", store.NodeLife)
	if earlier := joined(t, n, life("syd-1", "b3")); earlier != "b2" {
		t.Errorf("the next took over from %q", earlier)
	}
}

func TestABootThatDiedJustNowIsWatchedUntilItsLifeIsOver(t *testing.T) {
	server := redistest.Start(t)
	s, n := openNodes(t, server)
	joined(t, n, life("syd-1", "b1"))
	before := listed(t, n)[0].Heard
	if earlier := joined(t, n, life("syd-1", "b2")); earlier != "b1" {
		t.Errorf("it took over from %q", earlier)
	}
	if after := listed(t, n)[0].Heard; after.Sub(before) < store.NodeLife {
		t.Errorf("it was watched for %v", after.Sub(before))
	}
	if s.Now().Before(before.Add(store.NodeLife)) {
		t.Errorf("it is %v", s.Now())
	}
}

func TestATwinThatRunsIsNoticed(t *testing.T) {
	server := redistest.Start(t)
	_, running := openNodes(t, server)
	_, second := openNodes(t, server)
	joined(t, running, life("syd-1", "b1"))
	refused := make(chan error, 1)
	go func() {
		_, err := second.Join(t.Context(), life("syd-1", "b2"))
		refused <- err
	}()
	again := time.NewTicker(store.NodeLife / 10)
	defer again.Stop()
	for end := time.After(patience); ; {
		select {
		case err := <-refused:
			if !errors.Is(err, store.ErrTwin) || !strings.Contains(err.Error(), "syd-1") {
				t.Errorf("it says %v", err)
			}
			return
		case <-again.C:
			if err := running.Announce(t.Context(), life("syd-1", "b1")); err != nil {
				t.Fatal(err)
			}
		case <-end:
			t.Fatal("never noticed")
		}
	}
}

// runs is what the server says of the scripts that it ran.
func runs(t *testing.T, client *redis.Client) string {
	t.Helper()
	all, err := client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, of, _ := strings.Cut(all, "cmdstat_evalsha:calls=")
	count, _, _ := strings.Cut(of, ",")
	return count
}

func TestANodeThatLeavesIsNotWaitedFor(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client()
	_, n := openNodes(t, server)
	joined(t, n, life("syd-1", "b1"))
	if err := n.Leave(t.Context(), "syd-1", "b0"); err != nil || len(listed(t, n)) != 1 {
		t.Errorf("another boot withdrew it: %v", err)
	}
	before := runs(t, client)
	took := make(chan string, 1)
	go func() {
		earlier, err := n.Join(t.Context(), life("syd-1", "b2"))
		if err != nil {
			earlier = err.Error()
		}
		took <- earlier
	}()
	for end := time.Now().Add(patience); runs(t, client) == before; { // until it was seen that b1 is there
		if time.Now().After(end) {
			t.Fatal("nobody looked")
		}
	}
	if err := n.Leave(t.Context(), "syd-1", "b1"); err != nil {
		t.Fatal(err)
	}
	if earlier := <-took; earlier != "b1" {
		t.Errorf("it took over from %q", earlier)
	}
	for range 2 { // there need not be any
		if err := n.Leave(t.Context(), "syd-1", "b2"); err != nil || len(listed(t, n)) != 0 {
			t.Errorf("%+v, %v", listed(t, n), err)
		}
	}
}

func TestANodeIsForgottenAfterADay(t *testing.T) {
	server := redistest.Start(t)
	s, n := openNodes(t, server)
	joined(t, n, life("syd-1", "b1"))
	joined(t, n, life("syd-2", "b1"))
	age(t, server.Client(), s, "syd-1", 23*time.Hour)
	age(t, server.Client(), s, "syd-2", 25*time.Hour)
	if peers := listed(t, n); len(peers) != 1 || peers[0].ID != "syd-1" {
		t.Errorf("%+v", peers)
	}
	if left, err := server.Client().HKeys(t.Context(), s.Key(store.KeyNodes)).Result(); err != nil || !slices.Equal(left, []string{"syd-1"}) {
		t.Errorf("%v, %v", left, err)
	}
}

func TestANodeThatMakesNoSenseIsRefused(t *testing.T) {
	_, n := openNodes(t, redistest.Start(t))
	for name, change := range map[string]func(*store.Node){
		"no id":      func(n *store.Node) { n.ID = "" },
		"no boot":    func(n *store.Node) { n.Boot = "" },
		"no text":    func(n *store.Node) { n.Boot = "b\xff" },
		"a NUL":      func(n *store.Node) { n.ID = "syd\x001" },
		"no port":    func(n *store.Node) { n.SIP = "10.0.0.1" },
		"port zero":  func(n *store.Node) { n.SIP = "10.0.0.1:0" },
		"no host":    func(n *store.Node) { n.SIP = ":5060" },
		"too large":  func(n *store.Node) { n.Version = strings.Repeat("x", 1<<20) },
		"a long one": func(n *store.Node) { n.ID = strings.Repeat("x", 1<<20) },
	} {
		node := life("syd-1", "b1")
		change(&node)
		if err := n.Announce(t.Context(), node); err == nil {
			t.Errorf("%s: announced", name)
		}
		if _, err := n.Join(t.Context(), node); err == nil {
			t.Errorf("%s: joined", name)
		}
	}
}

// strange are records that no node wrote.
var strange = []string{
	"", "{", "null", "7", "[]", `{"boot":7,"at":"0"}`, `{"boot":"b0","at":7}`, `{"boot":"b0","at":"x","wall":"x"}`, `{"boot":"","at":"9000000000000000","wall":"0"}`,
	`{"boot":"b1","at":"0","earlier":{}}`, `{"boot":"b\u0000","at":"0","wall":"0"}`, `{"boot":"b0","at":"nan"}`, `{"boot":"b0","at":"-inf","wall":"0","sip":"?"}`,
}

func TestNodesThatCannotBeReadAreLeftOutAndStopNobody(t *testing.T) {
	server := redistest.Start(t)
	s, n := openNodes(t, server)
	client := server.Client()
	joined(t, n, life("syd-1", "b1"))
	for i, text := range strange {
		if err := client.HSet(t.Context(), s.Key(store.KeyNodes), strconv.Itoa(i), text).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if peers := listed(t, n); len(peers) != 1 || peers[0].ID != "syd-1" {
		t.Errorf("%+v", peers)
	}
	for i := range strange {
		joined(t, n, life(strconv.Itoa(i), "b1"))
	}
	if peers := listed(t, n); len(peers) != 1+len(strange) {
		t.Errorf("%+v", peers)
	}
}

func FuzzNodesAreListedOrLeftOut(f *testing.F) {
	server := redistest.Start(f)
	s, err := store.Open(f.Context(), server.URL(), store.Options{Centre: "kettle"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	client := server.Client()
	for _, seed := range strange {
		f.Add(seed)
	}
	n := patientNodes{store.NewNodes(s)}
	f.Fuzz(func(t *testing.T, text string) {
		if err := client.HSet(t.Context(), s.Key(store.KeyNodes), "syd-1", text).Err(); err != nil {
			t.Fatal(err)
		}
		listed(t, n)
		if err := n.Leave(t.Context(), "syd-1", "b0"); err != nil {
			t.Fatal(err)
		}
		if err := n.Announce(t.Context(), life("syd-1", "b1")); err != nil && !errors.Is(err, store.ErrTwin) {
			t.Fatal(err)
		}
	})
}

func TestNobodyJoinsAStoreThatHangs(t *testing.T) {
	server := redistest.Start(t)
	_, n := openNodes(t, server)
	server.Pause()
	defer server.Resume()
	if _, err := n.Nodes.Join(t.Context(), life("syd-1", "b1")); err == nil || errors.Is(err, store.ErrTwin) {
		t.Errorf("it says %v", err)
	}
}

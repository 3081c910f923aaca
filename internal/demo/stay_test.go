package demo

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/phone/baresip"
)

// staying opens a stage and lets the node stay without a story. What was told comes when the returned function ends it.
func staying(t *testing.T) (*story, func() string) {
	t.Helper()
	dir := t.TempDir()
	secrets, err := layOut(dir)
	if err != nil {
		t.Fatal(err)
	}
	st, err := openStage(dir, secrets, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.close)
	var told bytes.Buffer
	s := &story{stage: st, tell: &narrator{out: &told, began: time.Now()}}
	if err := s.raiseCurtain(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.stay(ctx) }()
	t.Cleanup(cancel)
	if err := st.agentIs(t.Context(), "alice", "ready", ""); err != nil {
		t.Fatal(err)
	}
	return s, func() string {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		return told.String()
	}
}

// reaches lets Omar call and press 1, and waits until he hears a tone.
func reaches(t *testing.T, s *story, frequency int) {
	t.Helper()
	if err := s.omar.dial(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.omar.wantsOrders(); err != nil {
		t.Fatal(err)
	}
	limit, stop := context.WithTimeout(t.Context(), pickUpAfter+patience)
	defer stop()
	if err := s.omar.call.Ear().WaitTone(limit, float64(frequency)); err != nil {
		t.Error(err)
	}
}

func TestWhoCallsANodeThatStaysReachesAlice(t *testing.T) {
	s, end := staying(t)
	reaches(t, s, s.alice.tone)
	told := end()
	tells(t, told,
		"dial sip:+61280000001@"+s.stage.node.SIP()[0].AddrPort.String(),
		"register alice password "+s.stage.secrets["alice"],
		s.stage.dir+"/incidents.yaml")
}

func TestASoftphoneWithTheAccountThatIsToldAnswersInHerPlace(t *testing.T) {
	const voice = 620 // Hz
	s, end := staying(t)
	defer end()
	if err := s.alice.phone.Unregister(t.Context()); err != nil { // so that the next who is registered is the softphone
		t.Fatal(err)
	}
	softphone, err := baresip.Start(t.Context(), baresip.Options{Dir: t.TempDir(), User: "alice", Secret: s.stage.secrets["alice"],
		Server: s.stage.node.SIP()[0].AddrPort, Say: phone.Tone(voice, time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(softphone.Stop)
	if err := s.stage.agentIs(t.Context(), "alice", "ready", ""); err != nil {
		t.Fatal(err)
	}
	reaches(t, s, voice)
}

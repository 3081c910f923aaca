package demo

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"
)

func TestWhoCallsANodeThatStaysReachesAlice(t *testing.T) {
	dir := t.TempDir()
	secrets, err := layOut(dir)
	if err != nil {
		t.Fatal(err)
	}
	st, err := openStage(dir, secrets, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer st.close()
	var told bytes.Buffer
	s := &story{stage: st, tell: &narrator{out: &told, began: time.Now()}}
	if err := s.raiseCurtain(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.stay(ctx) }()
	if err := st.agentIs(t.Context(), "alice", "ready", ""); err != nil {
		t.Fatal(err)
	}
	if err := s.omar.dial(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.omar.wantsOrders(); err != nil {
		t.Fatal(err)
	}
	limit, stop := context.WithTimeout(t.Context(), pickUpAfter+patience)
	defer stop()
	if err := s.omar.call.Ear().WaitTone(limit, float64(s.alice.tone)); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	tells(t, told.String(),
		"dial sip:+61280000001@"+st.node.SIP()[0].AddrPort.String(),
		"register alice password "+secrets["alice"],
		dir+"/incidents.yaml")
}

package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
)

// pickUpAfter is how long the phone of an empty desk rings: a person needs a few seconds, a queue rings for 15.
const pickUpAfter = 8 * time.Second

// stay keeps the node up until the context ends, and says how to call it. Alice's phone stays, so that there is somebody to
// reach: it lets a person pick up first, then answers by itself and hums. It returns an error when the node failed.
func (s *story) stay(ctx context.Context) error {
	st, a := s.stage, s.alice
	udp := st.node.SIP()[0]
	s.tell.chapter("The node stays up; interrupt (Ctrl-C) to end it")
	for _, row := range [][2]string{
		{"to call", "sip:" + sample.MainNumber + "@" + udp.AddrPort.String() + " from any softphone on this machine, without an account; press 1 for orders"},
		{"to answer", "register as " + a.name + ", password " + st.secrets[a.name] + ", at " + udp.AddrPort.String() + " (" + udp.Network + "); your phone rings with hers"},
		{"nobody there", "her phone answers by itself after " + pickUpAfter.String() + " and hums"},
		{"bad day", "change active in " + filepath.Join(st.dir, config.IncidentsFile) + " and save"},
		{"its log", filepath.Join(st.dir, logFile)},
		{"look", "spillway call list --api http://" + st.node.HTTP()},
	} {
		s.tell.say(row[0], "%s", row[1])
	}
	a.phone.SetReply(phone.AnswerAfter(pickUpAfter))
	for {
		select {
		case call := <-a.phone.Incoming():
			call.PlayTone(a.tone)
		case err := <-st.node.Failed():
			return fmt.Errorf("the node failed: %w", err)
		case <-ctx.Done():
			return nil
		}
	}
}

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
	if err := a.signIn(ctx); err != nil { // again, in case that the story failed before
		return err
	}
	at := st.node.SIP()[0].AddrPort
	s.tell.chapter("The node stays up. Interrupt (Ctrl-C) to end it")
	s.tell.say("to call", "dial sip:%s@%s from a softphone on this machine;", sample.MainNumber, at)
	s.tell.say("", "no account is needed; press 1 for orders")
	s.tell.say("to answer", "register %s with the password %s at %s;", a.name, st.secrets[a.name], at)
	s.tell.say("", "your phone then rings with hers, which answers after %v and hums;", pickUpAfter)
	s.tell.say("", "a phone that is registered dials a queue by its name, as in orders")
	s.tell.say("bad day", "write active: true in %s", filepath.Join(st.dir, config.IncidentsFile))
	s.tell.say("look", "spillway call list --watch --api http://%s", st.node.HTTP())
	s.tell.say("log", "%s", filepath.Join(st.dir, logFile))
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

package call_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/sip"
)

var update = flag.Bool("update", false, "write the timelines in testdata anew")

// TestStories holds whole calls to their timelines in testdata: what everybody heard and when, in seconds.
func TestStories(t *testing.T) {
	for _, story := range []struct {
		name string
		tell func(b *bench)
	}{
		{"menu-queue-agent", func(b *bench) {
			b.signIn("alice", answers(4*time.Second, "sdp"))
			v := b.dial(mainNumber)
			b.pass(5 * time.Second)
			b.presses(1, '1')
			b.pass(30 * time.Second)
			b.legOf("alice-1").hangsUp()
			v.over()
		}},
		{"declined-then-nobody-then-the-next", func(b *bench) {
			b.signIn("alice", refuses(3*time.Second, 603), "bob", phone(rings))
			v := b.dial(ordersNumber)
			b.pass(19 * time.Second)
			b.setPhones("alice", answers(2*time.Second, "sdp"))
			b.pass(70 * time.Second)
			v.hangsUp()
			v.over()
		}},
		{"the-agents-phone-vanishes", func(b *bench) {
			b.signIn("alice", answers(2*time.Second, "sdp"))
			v := b.dial(ordersNumber)
			b.pass(20 * time.Second)
			b.setPhones("alice", rings)
			b.legOf("alice-1").ends(sip.Ended{By: sip.ByNobody, Code: 408})
			b.pass(3 * time.Second)
			b.signIn("bob", answers(2*time.Second, "sdp"))
			b.pass(10 * time.Second)
			v.hangsUp()
			v.over()
		}},
		{"a-bad-day", func(b *bench) {
			v := wait(b, 25*time.Second)
			b.incident("kettle-recall", incident.Effects{Message: "recall.wav", Then: incident.HangUp, WaitingCallers: true})
			b.pass(5 * time.Second)
			late := b.callerLeg(mainNumber)
			late.from.Number = "+61400000002"
			b.take(late).over()
			b.pass(30 * time.Second)
			v.hangsUp()
			v.over()
		}},
		{"hold-and-resume", func(b *bench) {
			v := talk(b)
			phone := b.legOf("alice-1")
			for _, sdp := range []string{"hold", "sdp"} {
				phone.says(sip.Reoffer{SDP: []byte(sdp), Answer: func([]byte) { b.note("%s: %s is answered", phone.name, sdp) }, Refuse: func(int) {}})
				b.pass(10 * time.Second)
			}
			v.hangsUp()
			v.over()
		}},
		{"a-node-drains", func(b *bench) {
			v := wait(b, 25*time.Second)
			close(b.closes)
			v.over()
		}},
		{"agent-dials-colleague", func(b *bench) {
			b.signIn("bob", answers(3*time.Second, "sdp"))
			v := b.agentDials("alice", "bob")
			b.pass(10 * time.Second)
			v.hangsUp()
			v.over()
		}},
	} {
		t.Run(story.name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				story.tell(b)
				told, golden := b.story(), filepath.Join("testdata", story.name+".txt")
				if *update {
					if err := os.WriteFile(golden, []byte(told), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if told != string(want) {
					t.Errorf("the story went\n%s\nand should go\n%s", told, want)
				}
			})
		})
	}
}

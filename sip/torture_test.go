package sip

import (
	"bufio"
	"bytes"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// tortureFiles finds the messages of RFC 4475 in the module cache.
var tortureFiles = sync.OnceValues(func() (map[string][]byte, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/emiago/sipgo").Output()
	if err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "sip", "testdata", "torture", "*", "*.dat"))
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all[strings.TrimSuffix(filepath.Base(name), ".dat")] = data
	}
	return all, nil
})

// Our answers to the messages of RFC 4475, sent by a trunk; 0 is silence, 100 a call that is taken.
var torture = map[string]int{
	// Valid messages.
	"dblreq":     401, // what follows the message in the datagram is ignored
	"esc01":      100,
	"esc02":      405, // RE%47IST%45R is not REGISTER
	"escnull":    401,
	"intmeth":    0, // control characters never pass, not even escaped ones; the RFC has 405
	"longreq":    100,
	"lwsdisp":    200,
	"mpart01":    405,
	"noreason":   0, // a response to nothing
	"semiuri":    200,
	"transports": 200,
	"unreason":   0,
	"wsinv":      481, // well-formed, but within a dialog that we do not know

	// What the parser cannot read is refused, as long as what an answer needs can be read.
	"clerr": 400, "ltgtruri": 400, "lwsruri": 400, "lwsstart": 400, "ncl": 400, "novelsc": 416, "trws": 400,

	// There is nobody to answer: a header that the answer needs cannot be read, or the message has no end.
	"badaspec": 0, "baddn": 0, "badinv01": 0, "quotbal": 0, "scalar02": 0, "test": 0,

	// Responses to nothing.
	"bcast": 0, "bigcode": 0, "scalarlg": 0,

	// Faults with an answer.
	"badbranch":  400,
	"badvers":    505,
	"bext01":     420,
	"escruri":    400,
	"insuf":      400,
	"inv2543":    400, // without a From tag; callers of before 2002 are not served
	"invut":      415,
	"mcl01":      400,
	"mismatch01": 400,
	"mismatch02": 400,
	"multi01":    400,
	"sdp01":      406,
	"unkscm":     416,
	"zeromf":     483,

	// Not wrong enough to matter before the sender has proved who he is.
	"baddate": 100, "cparam01": 401, "cparam02": 401, "regaut01": 401, "regbadct": 401, "regescrt": 401, "unksm2": 401,
}

func TestRFC4475_EveryMessageHasItsAnswer(t *testing.T) {
	files, err := tortureFiles()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("only %d messages found", len(files))
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				want, listed := torture[name]
				if !listed {
					t.Error("not in the table")
				}
				if got := answerTo(t, data); got != want {
					t.Errorf("answered %d, want %d", got, want)
				}
			})
		})
	}
}

// answerTo is the code of our answer to a message, 0 when there is none; 100 is passed over.
func answerTo(t *testing.T, message []byte) int {
	h, _ := handed()
	w := newWorld(t, UDP, h)
	w.server.receive(flow{w.wire, carrierAddress}, message)
	synctest.Wait()
	select {
	case sent := <-w.wire.sent:
		m, err := sipgo.ParseMessage([]byte(sent.text))
		if err != nil {
			t.Fatalf("the answer cannot be parsed: %v\n%s", err, sent.text)
		}
		if w.panics > 0 {
			t.Error("panic")
		}
		return m.(*sipgo.Response).StatusCode
	case <-time.After(time.Second):
		return 0
	}
}

func FuzzReceive(f *testing.F) {
	files, err := tortureFiles()
	if err != nil {
		f.Fatal(err)
	}
	for _, data := range files {
		f.Add(data)
	}
	f.Add([]byte("INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nFrom: <sip:d@e>;tag=1\r\n" +
		"To: <sip:a@b>\r\nCall-ID: f\r\nCSeq: 1 INVITE\r\nContact: <sip:d@e>\r\n\r\n"))
	wire := newMemoryWire(UDP)
	s, err := assemble(Options{
		Realm: testRealm, Handler: staff{invite: func(l *Leg) { l.Reject(603, "") }},
		Panicked: func() { f.Error("panic") },
	})
	if err != nil {
		f.Fatal(err)
	}
	s.SetDirectory(testDirectory())
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, message []byte) {
		for _, from := range []netip.AddrPort{carrierAddress, strangerAddress} {
			s.receive(flow{wire, from}, message)
		}
		for {
			select {
			case sent := <-wire.sent:
				if !plausible([]byte(sent.text)) {
					t.Errorf("answered with what would not be taken:\n%q", sent.text)
				}
				if sent.to.Addr() != carrierAddress.Addr() && sent.to.Addr() != strangerAddress.Addr() {
					t.Errorf("answered to %s", sent.to)
				}
				continue
			default:
			}
			break
		}
	})
}

func TestWhatIsSalvagedIsAnsweredAndNothingElse(t *testing.T) {
	const needed = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKs\r\nf: <sip:a@b>;tag=1\r\nt: <sip:c@d>\r\ni: x\r\n"
	for name, c := range map[string]struct {
		message string
		want    int
	}{
		"a header without a colon":     {"INVITE sip:c@d SIP/2.0\r\n" + needed + "CSeq: 1 INVITE\r\nnonsense\r\n\r\n", 400},
		"a header that goes on":        {"INVITE sip:c@d SIP/2.0\r\n" + needed + "CSeq: 1\r\n INVITE\r\nl: x\r\n\r\n", 400},
		"a bad Contact":                {"INVITE sip:c@d SIP/2.0\r\n" + needed + "CSeq: 1 INVITE\r\nContact: \"a\r\n\r\n", 400},
		"a body that is cut":           {"INVITE sip:c@d SIP/2.0\r\n" + needed + "CSeq: 1 INVITE\r\nl: 9\r\n\r\nabc", 400},
		"an ACK":                       {"ACK sip:c@d SIP/2.0\r\n" + needed + "CSeq: 1 ACK\r\nl: x\r\n\r\n", 0},
		"a response":                   {"SIP/2.0 200 OK\r\n" + needed + "CSeq: 1 INVITE\r\nl: x\r\n\r\n", 0},
		"no Via":                       {"INVITE sip:c@d SIP/2.0\r\nf: <sip:a@b>;tag=1\r\nt: <sip:c@d>\r\ni: x\r\nCSeq: 1 INVITE\r\nl: x\r\n\r\n", 0},
		"no CSeq":                      {"INVITE sip:c@d SIP/2.0\r\n" + needed + "l: x\r\n\r\n", 0},
		"a method that is no token":    {"IN(VITE sip:c@d SIP/2.0\r\n" + needed + "CSeq: 1 INVITE\r\nl: x\r\n\r\n", 0},
		"a scheme that we do not know": {"INVITE a.b:c SIP/2.0\r\n" + needed + "CSeq: 1 INVITE\r\n\r\n", 416},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				if got := answerTo(t, []byte(c.message)); got != c.want {
					t.Errorf("answered %d, want %d", got, c.want)
				}
			})
		})
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("OPTIONS sip:a SIP/2.0\r\nl : 3\r\n\r\nabcOPTIONS"))
	f.Add([]byte("A\r\nContent-Length: 99999\r\n\r\n"))
	f.Add([]byte("A\r\nContent-Length: -1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		in := bufio.NewReaderSize(bytes.NewReader(stream), 64)
		message, err := frame(in)
		if err == nil && (len(message) > maxMessage || !bytes.HasPrefix(stream, message) || !bytes.Contains(message, []byte("\r\n\r\n"))) {
			t.Errorf("%q was cut to %q", stream, message)
		}
	})
}

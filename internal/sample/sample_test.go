package sample

import (
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/media"
	"github.com/spillway-voice/spillway/routing"
)

// recordings opens the recordings of a centre with the built-in ones behind them.
func recordings(t *testing.T) func(config.Centre) config.Prompts {
	return func(c config.Centre) config.Prompts {
		library, err := media.OpenLibrary(c.PromptsDir, media.LibraryOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return library
	}
}

// written lays the sample out and returns its folder and judgement.
func written(t *testing.T, options Options) (string, config.Report) {
	t.Helper()
	dir := t.TempDir()
	if err := Write(dir, options); err != nil {
		t.Fatal(err)
	}
	return dir, config.CheckDir(dir, config.Options{Prompts: recordings(t)})
}

func TestTheEmbeddedSamplePassesTheCheckAsItIs(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, Files()); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secrets", "dave"), []byte("dave's password\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) (string, bool) {
		return "the password of " + name, strings.HasSuffix(name, "_SECRET") || strings.HasPrefix(name, "RESERVE_")
	}
	report := config.CheckDir(dir, config.Options{Prompts: recordings(t), Env: env})
	if !report.OK() || len(report.Mistakes) > 0 {
		t.Fatalf("the sample has mistakes: %v %v", report.Unreadable, report.Mistakes)
	}
	if got := report.Snapshot.Accounts["reserve-20"].Secret.Reveal(); got != "the password of RESERVE_20" {
		t.Errorf("the secret of reserve-20 is %q", got)
	}
}

func TestAWrittenSamplePassesTheCheckWithoutAnyEnvironment(t *testing.T) {
	_, report := written(t, Options{
		SIP: netip.MustParseAddrPort("127.0.0.2:25060"), HTTP: netip.MustParseAddrPort("127.0.0.1:0"),
		FirstPort: 20000, LastPort: 29999, Gateway: netip.MustParseAddrPort("127.0.0.3:25066"),
		Secrets: map[string]string{"alice": "correct horse battery"},
	})
	if !report.OK() || len(report.Mistakes) > 0 {
		t.Fatalf("the sample has mistakes: %v %v", report.Unreadable, report.Mistakes)
	}
	node := report.Node
	if got := node.SIP.Listen[1].String(); got != "tcp://127.0.0.2:25060" || node.SIP.Advertise.String() != "127.0.0.2" {
		t.Errorf("it listens on %s and advertises %s", got, node.SIP.Advertise)
	}
	if node.HTTP.Listen.Port() != 0 || node.Media.FirstPort != 20000 || node.Media.LastPort != 29999 {
		t.Errorf("ports are not as asked: %+v %+v", node.HTTP, node.Media)
	}
	snapshot := report.Snapshot
	if got := snapshot.Trunks[0].Gateways[0]; got != (config.Gateway{Host: "127.0.0.3", Port: 25066, Transport: "udp"}) {
		t.Errorf("the gateway is %+v", got)
	}
	if got := snapshot.Accounts["alice"].Secret.Reveal(); got != "correct horse battery" {
		t.Errorf("alice's secret is %q", got)
	}
	for _, name := range Agents() {
		if snapshot.Routing.Agent(name) == nil || snapshot.Accounts[name].Secret.Reveal() == "" {
			t.Errorf("%s has no account", name)
		}
	}
}

func TestTheSampleSaysWhatItsCommentsSay(t *testing.T) {
	_, report := written(t, Options{})
	s := report.Snapshot
	if s.Centre.Name != "kettle" || s.Centre.Zone.String() != "Australia/Sydney" || s.Centre.Seats != 20 {
		t.Errorf("the centre is %+v", s.Centre)
	}
	if s.Numbers[MainNumber] != "main" || s.Numbers[BillingNumber] != "billing-line" {
		t.Errorf("the numbers are %v", s.Numbers)
	}
	choose := s.Conversation.Flows["main"].Steps["choose"]
	if choose.Menu.Keys['1'] != "orders" || choose.Menu.Keys['0'] != "support" || choose.Menu.Wait != 5*time.Second {
		t.Errorf("the menu is %+v", choose.Menu)
	}
	orders := s.Routing.Queue("orders")
	if orders.Capacity != 500 || orders.MaxWait != 30*time.Minute || orders.WrapUp != 10*time.Second ||
		!slices.EqualFunc(orders.Overflow, []routing.OverflowRule{{AfterWait: 5 * time.Minute, To: []string{"support"}}}, sameRule) {
		t.Errorf("orders is %+v", orders)
	}
	recall := s.Incident(Recall)
	if recall == nil || recall.Active || recall.For != 6*time.Hour || recall.Effects.Then != incident.Continue ||
		recall.Effects.SeatsAdd != 10 || len(recall.Effects.SeatsAgents) != 10 || recall.Effects.SeatsAgents["reserve-10"]["orders"] != 1 ||
		len(recall.Effects.Overflow["orders"]) != 2 || !slices.Equal(recall.Effects.Numbers, []string{MainNumber}) {
		t.Errorf("the recall is %+v", recall)
	}
}

func sameRule(a, b routing.OverflowRule) bool {
	return a.AfterWait == b.AfterWait && a.WhenWaiting == b.WhenWaiting && slices.Equal(a.To, b.To)
}

func TestTheSwitchFlipsTheRecallThereAndBack(t *testing.T) {
	dir, _ := written(t, Options{})
	for _, on := range []bool{true, false} {
		if err := Switch(dir, on); err != nil {
			t.Fatal(err)
		}
		report := config.CheckDir(dir, config.Options{Prompts: recordings(t)})
		if !report.OK() || report.Snapshot.Incident(Recall).Active != on {
			t.Fatalf("after Switch(%v): %v", on, report.Mistakes)
		}
		if err := Switch(dir, on); err == nil {
			t.Errorf("switching %v twice is no error", on)
		}
	}
}

func TestASecretsFileIsReadableByItsOwnerOnly(t *testing.T) {
	dir, _ := written(t, Options{})
	info, err := os.Stat(filepath.Join(dir, "secrets", "alice"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secrets/alice: %v %v", info.Mode(), err)
	}
}

func TestTheRecordingsAreShortAndSmall(t *testing.T) {
	files, err := fs.Glob(Files(), "prompts/*.wav")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, name := range files {
		content, err := fs.ReadFile(Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		if len(content) > 160_000 { // ten seconds of 8 kHz, 16 bit
			t.Errorf("%s is %d bytes", name, len(content))
		}
	}
}

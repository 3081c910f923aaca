package store_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

// plain is an address that is printed whole.
type plain store.Address

func TestAddressesAreRead(t *testing.T) {
	for text, want := range map[string]store.Address{
		"redis://h":                       {Kind: store.Server, Hosts: []string{"h:6379"}},
		"redis://h:7000/":                 {Kind: store.Server, Hosts: []string{"h:7000"}},
		"redis://:secret@10.0.0.1:7000/3": {Kind: store.Server, Hosts: []string{"10.0.0.1:7000"}, Password: "secret", Database: 3},
		"redis://u:p%40ss%2F@h?db=2":      {Kind: store.Server, Hosts: []string{"h:6379"}, User: "u", Password: "p@ss/", Database: 2},
		"redis://u:a@b:c@h":               {Kind: store.Server, Hosts: []string{"h:6379"}, User: "u", Password: "a@b:c"},
		"redis://[::1]":                   {Kind: store.Server, Hosts: []string{"[::1]:6379"}},
		"redis://[::1]:7000":              {Kind: store.Server, Hosts: []string{"[::1]:7000"}},
		"rediss://h?ca=/etc/a.pem&cert=/c&key=/k": {Kind: store.Server, Hosts: []string{"h:6379"}, TLS: true,
			Authorities: "/etc/a.pem", Certificate: "/c", Key: "/k"},
		"unix:///run/redis.sock":          {Kind: store.Socket, Hosts: []string{"/run/redis.sock"}},
		"unix://u:p@/run/redis.sock?db=1": {Kind: store.Socket, Hosts: []string{"/run/redis.sock"}, User: "u", Password: "p", Database: 1},
		"redis+sentinel://user:pass@h1:26379,h2:26379/mymaster": {Kind: store.Sentinel, Hosts: []string{"h1:26379", "h2:26379"},
			Master: "mymaster", User: "user", Password: "pass"},
		"redis+sentinel://h1,h2:7/m/4?sentinel_user=s&sentinel_password=%26": {Kind: store.Sentinel, Hosts: []string{"h1:26379", "h2:7"},
			Master: "m", Database: 4, SentinelUser: "s", SentinelPassword: "&"},
		"unix:///a%20b/%40%3f%23.sock": {Kind: store.Socket, Hosts: []string{"/a b/@?#.sock"}},
		"redis+cluster://h1,h2":        {Kind: store.Cluster, Hosts: []string{"h1:6379", "h2:6379"}},
		"rediss+cluster://u:p@h1:1/0":  {Kind: store.Cluster, Hosts: []string{"h1:1"}, TLS: true, User: "u", Password: "p"},
	} {
		if got, err := store.ParseAddress(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", text, plain(got), err, plain(want))
		}
	}
}

func TestABadAddressIsRefusedWithoutItsPassword(t *testing.T) {
	for text, word := range map[string]string{
		"":                                     "begins with",
		"secret":                               "begins with",
		"secret://h":                           "scheme",
		"http://secret@h":                      "scheme",
		"sentinel://secret@h":                  "scheme",
		"redis://":                             "host",
		"redis://u:secret@":                    "host",
		"redis://u:secret@:6379":               "host",
		"redis://u:secret%zz@h":                "percent",
		"redis://u:sec#secret@h":               "%23",
		"redis://u:secret?secret@h":            "port",
		"redis://u:secret@h:0":                 "port",
		"redis://u:secret@h:65536":             "port",
		"redis://u:secret@h:+1":                "port",
		"redis://u:secret@h/x":                 "database",
		"redis://u:secret@h/-1":                "database",
		"redis://u:secret@h?ca=/x":             "parameter",
		"redis://u:secret@h?db=1&db=2":         "parameter",
		"redis://u:secret@h?db=":               "empty",
		"redis://u:secret@h1,h2":               "redis+cluster",
		"redis://u:secret@[h]":                 "IPv6",
		"redis://u:secret@[::1":                "IPv6",
		"rediss://u:secret@h?cert=/x":          "together",
		"unix://u:secret@run/redis.sock":       "absolute",
		"redis+sentinel://u:secret@h1,h2":      "mymaster",
		"redis+sentinel://u:secret@h1,,h2/m":   "host",
		"redis+sentinel://u:secret@h1/m/n":     "database",
		"redis+cluster://u:secret@h1/1":        "database 0",
		"redis+cluster://u:secret@h1?db=1":     "database 0",
		"redis://" + strings.Repeat("h", 5000): "longer",
	} {
		_, err := store.ParseAddress(text)
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v, want something on %q", text, err, word)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: its error tells the password: %v", text, err)
		}
	}
}

func TestAnAddressIsPrintedWithoutItsPassword(t *testing.T) {
	a, err := store.ParseAddress("rediss+sentinel://user:hidden@h1,h2/m/4?sentinel_password=hidden")
	if err != nil {
		t.Fatal(err)
	}
	const want = "rediss+sentinel://h1:26379,h2:26379/m/4"
	for _, verb := range []string{"%v", "%+v", "%s", "%#v"} {
		if got := fmt.Sprintf(verb, a); got != want {
			t.Errorf("%s: %q, want %q", verb, got, want)
		}
	}
}

func TestEveryAddressOfARealServerIsReached(t *testing.T) {
	for name, options := range map[string][]redistest.Option{
		"tcp":             {redistest.TCP},
		"socket":          nil,
		"tls":             {redistest.TLS},
		"user and socket": {redistest.User("kettle", "p@ss/wo?rd#%")},
		"user and tls":    {redistest.TLS, redistest.User("kettle", "p@ss/wo?rd#%")},
		"cluster": {redistest.TCP, redistest.With(
			[]string{"cluster-enabled", "yes"}, []string{"cluster-require-full-coverage", "no"})},
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t, options...)
			text := server.URL()
			if server.Roots() != "" {
				text += "?ca=" + server.Roots()
			}
			if name == "cluster" {
				text = strings.Replace(text, "redis://", "redis+cluster://", 1)
				formCluster(t, server)
			}
			a, err := store.ParseAddress(text)
			if err != nil {
				t.Fatal(err)
			}
			o, err := a.Options()
			if err != nil {
				t.Fatal(err)
			}
			o.PipelinePoolSize = -1
			client := redis.NewUniversalClient(o)
			defer client.Close()
			if err := client.Set(t.Context(), "spillway:x", 1, 0).Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// formCluster makes a cluster of one server, and waits until it serves.
func formCluster(t *testing.T, server *redistest.Server) {
	t.Helper()
	client := server.Client()
	if err := client.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	patience := time.After(30 * time.Second)
	for {
		info, err := client.ClusterInfo(t.Context()).Result()
		if err == nil && strings.Contains(info, "cluster_state:ok") {
			return
		}
		select {
		case <-again.C:
		case <-patience:
			t.Fatalf("no cluster: %v, %s", err, info)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"redis://u:p@h:1/2?db=3", "rediss://h?ca=a&cert=b&key=c", "unix:///s?db=1", "redis+sentinel://u:p@h1:1,h2/m/1?sentinel_user=x",
		"redis+cluster://h1,h2", "redis://[::1]:1", "redis://u:p%@h", "://", "redis://@:@"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := store.ParseAddress(text)
		if err != nil {
			return
		}
		if len(a.Hosts) == 0 || (a.Kind == store.Sentinel) != (a.Master != "") {
			t.Fatalf("%q: %+v", text, plain(a))
		}
		again, err := store.ParseAddress(a.String())
		if err != nil || again.String() != a.String() || !reflect.DeepEqual(again.Hosts, a.Hosts) {
			t.Fatalf("%q is printed as %q, which is read as %q, %v", text, a.String(), again.String(), err)
		}
	})
}

package redistest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/spillway-voice/spillway/internal/store/redistest"
)

const (
	short = 200 * time.Millisecond // enough for a command that is answered, on a machine at rest
	long  = 20 * time.Second       // enough for it on any
)

// through returns a client behind the link with one connection, which says nothing twice.
func through(t *testing.T, link *redistest.Link) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(link.URL())
	if err != nil {
		t.Fatal(err)
	}
	o.ContextTimeoutEnabled, o.MaxRetries, o.DialerRetries, o.PoolSize, o.PipelinePoolSize = true, -1, 1, 1, -1
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.ReadTimeout, o.WriteTimeout = long, long // the contexts say how long
	client := redis.NewClient(o)
	t.Cleanup(func() { client.Close() })
	return client
}

// ping says how long an answer took.
func ping(t *testing.T, client *redis.Client, limit time.Duration) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	err := client.Ping(ctx).Err()
	return time.Since(began), err
}

// answers checks that a client is answered.
func answers(t *testing.T, client *redis.Client) {
	t.Helper()
	if _, err := ping(t, client, long); err != nil {
		t.Fatal(err)
	}
}

// timesOut checks that a client hears nothing.
func timesOut(t *testing.T, client *redis.Client, limit time.Duration) {
	t.Helper()
	took, err := ping(t, client, limit)
	if !timedOut(err) || took < limit {
		t.Fatalf("%v after %v", err, took)
	}
}

func timedOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

func TestALinkThatIsWellChangesNothing(t *testing.T) {
	for name, options := range map[string][]redistest.Option{
		"socket": nil,
		"tcp":    {redistest.TCP},
		"user":   {redistest.User("kettle", `se"cret \pass`)},
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t, options...)
			client, large := through(t, server.Link()), string(make([]byte, 10<<20)) // more than a link holds
			if err := client.Set(t.Context(), "spillway:x", large, 0).Err(); err != nil {
				t.Fatal(err)
			}
			if value, err := client.Get(t.Context(), "spillway:x").Result(); err != nil || value != large {
				t.Fatalf("%d bytes, %v", len(value), err)
			}
		})
	}
}

func TestACutLinkFailsAtOnceForItsClientAlone(t *testing.T) {
	server := redistest.Start(t)
	link := server.Link()
	client, other := through(t, link), through(t, server.Link())
	answers(t, client)
	link.Cut()
	for range 3 { // on the connection that there was, and on new ones
		if took, err := ping(t, client, long); err == nil || took > long/2 {
			t.Fatalf("%v after %v", err, took)
		}
	}
	answers(t, other)
	link.Heal()
	answers(t, client)
}

func TestACutEndsWhoeverWaitsForAnAnswer(t *testing.T) {
	server := redistest.Start(t)
	link := server.Link()
	client, failed := through(t, link), make(chan error, 1)
	go func() { failed <- client.BLPop(t.Context(), long, "spillway:x").Err() }()
	waitForBlocked(t, server.Client())
	link.Hang()
	link.Cut()
	select {
	case err := <-failed:
		if err == nil {
			t.Error("it was answered")
		}
	case <-time.After(long / 2):
		t.Error("it waits on")
	}
}

// waitForBlocked waits until some client waits for an element.
func waitForBlocked(t *testing.T, client *redis.Client) {
	t.Helper()
	for deadline := time.Now().Add(long); time.Now().Before(deadline); {
		if info := client.InfoMap(t.Context(), "clients").Val(); info["Clients"]["blocked_clients"] == "1" {
			return
		}
	}
	t.Fatal("nobody waits")
}

func TestALinkThatHangsHangsForItsClientAlone(t *testing.T) {
	server := redistest.Start(t)
	link := server.Link()
	client, newcomer, other := through(t, link), through(t, link), server.Client()
	answers(t, client)
	link.Hang()
	timesOut(t, client, short)
	timesOut(t, client, short) // on a new connection
	timesOut(t, newcomer, short)
	answers(t, other)
	link.Heal()
	answers(t, client)
	answers(t, newcomer)
}

// A command that nobody waits for any more is done all the same.
func TestWhatWasSentWhileALinkHungArrivesAfterwards(t *testing.T) {
	server := redistest.Start(t)
	link := server.Link()
	client, other := through(t, link), server.Client()
	answers(t, client)
	link.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	if err := client.RPush(ctx, "spillway:x", "late").Err(); !timedOut(err) {
		t.Fatal(err)
	}
	if n, err := other.LLen(t.Context(), "spillway:x").Result(); err != nil || n != 0 {
		t.Fatalf("%d, %v", n, err)
	}
	link.Heal()
	if popped, err := other.BLPop(t.Context(), long, "spillway:x").Result(); err != nil || popped[1] != "late" {
		t.Fatalf("%v, %v", popped, err)
	}
}

func TestAConnectionOutlivesALinkThatHung(t *testing.T) {
	server := redistest.Start(t)
	link := server.Link()
	connection := dial(t, link)
	link.Hang()
	fmt.Fprint(connection, "PING\r\n")
	answered := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(connection).ReadString('\n')
		answered <- line
	}()
	select {
	case line := <-answered:
		t.Fatalf("it passed %q", line)
	case <-time.After(short):
	}
	link.Heal()
	if line := <-answered; line != "+PONG\r\n" {
		t.Fatalf("it passed %q", line)
	}
}

// dial makes a connection through the link, which ends within the patience of a test.
func dial(t *testing.T, link *redistest.Link) net.Conn {
	t.Helper()
	o, err := redis.ParseURL(link.URL())
	if err != nil {
		t.Fatal(err)
	}
	connection, err := net.Dial("tcp", o.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(long)); err != nil {
		t.Fatal(err)
	}
	return connection
}

func TestASlowLinkDelaysEachAnswer(t *testing.T) {
	server := redistest.Start(t)
	link := server.Link()
	client := through(t, link)
	answers(t, client)
	link.Delay(time.Second)
	if took, err := ping(t, client, 3*time.Second); err != nil || took < time.Second {
		t.Fatalf("%v after %v", err, took)
	}
	timesOut(t, client, 100*time.Millisecond)
	if _, err := ping(t, server.Client(), long); err != nil {
		t.Fatal(err)
	}
	link.Heal()
	answers(t, client)
}

func TestASlowLinkHoldsAnswersTogetherAndInOrder(t *testing.T) {
	const count = 20
	server := redistest.Start(t)
	link := server.Link()
	subscription := through(t, link).Subscribe(t.Context(), "spillway:x")
	defer subscription.Close()
	if _, err := subscription.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	link.Delay(time.Second)
	publisher, began := server.Client(), time.Now()
	for n := range count {
		if err := publisher.Publish(t.Context(), "spillway:x", n).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for n := range count {
		message, err := subscription.ReceiveMessage(t.Context())
		if err != nil || message.Payload != fmt.Sprint(n) {
			t.Fatalf("%v instead of %d, %v", message, n, err)
		}
	}
	if took := time.Since(began); took < time.Second || took > count/2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestAHealedLinkHandsOverWhatItHeld(t *testing.T) {
	server := redistest.Start(t)
	link := server.Link()
	client, answered := through(t, link), make(chan error, 1)
	answers(t, client)
	link.Delay(time.Hour)
	other := server.Client()
	go func() { answered <- client.RPush(t.Context(), "spillway:x", 1).Err() }()
	if err := other.BLPop(t.Context(), long, "spillway:x").Err(); err != nil { // it was done, and its answer is held
		t.Fatal(err)
	}
	link.Heal()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
}

func TestALinkOutlivesItsServer(t *testing.T) {
	for name, options := range map[string][]redistest.Option{"socket": nil, "tcp": {redistest.TCP}} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t, options...)
			client := through(t, server.Link())
			answers(t, client)
			server.Kill()
			for range 3 {
				if took, err := ping(t, client, long); err == nil || took > long/2 {
					t.Fatalf("%v after %v", err, took)
				}
			}
			server.Restart()
			answers(t, client)
		})
	}
}

// That nothing is left is what TestMain checks.
func TestTheEndOfATestEndsALinkAsItIs(t *testing.T) {
	for name, suffer := range map[string]func(*redistest.Link){
		"well":    (*redistest.Link).Heal,
		"cut":     (*redistest.Link).Cut,
		"hanging": (*redistest.Link).Hang,
		"slow":    func(l *redistest.Link) { l.Delay(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			link := redistest.Start(t).Link()
			client := through(t, link)
			answers(t, client)
			suffer(link)
			ping(t, client, short)
			fmt.Fprint(dial(t, link), "PING\r\n")
		})
	}
}

func TestALinkMayBeChangedByAllAtOnce(t *testing.T) {
	server := redistest.Start(t)
	link := server.Link()
	client := through(t, link)
	over, cancel := context.WithCancel(t.Context())
	defer cancel()
	var changes, pings sync.WaitGroup
	for _, suffer := range []func(){link.Cut, link.Hang, link.Heal, func() { link.Delay(time.Millisecond) }} {
		changes.Go(func() {
			for over.Err() == nil {
				suffer()
			}
		})
		other := through(t, link)
		pings.Go(func() {
			for range 10 {
				ping(t, other, short/4) // whatever comes of it
			}
		})
	}
	pings.Wait()
	cancel()
	changes.Wait()
	link.Heal()
	answers(t, client)
}

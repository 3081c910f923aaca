package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	// CommandLimit is how long one command may take: longer, and Redis counts as away for it (field practice: a tenth of a second is a
	// hundred times what a healthy one takes, and short enough that no decision waits for it).
	CommandLimit = 100 * time.Millisecond
	// CopyLimit is how long the copy of everything may take.
	CopyLimit = 2 * time.Second
	// connectLimit is how long a new connection may take: the handshakes of TCP and TLS, HELLO and AUTH are several times the way to Redis,
	// and more than a command has.
	connectLimit = 2 * time.Second
	// spareConnections are made ready, besides those at hand, when a command failed: one that ends for want of time costs its connection.
	spareConnections = 4
)

// logLines is how many lines of a kind are logged in a minute.
const logLines = 10

// Options are what a store needs besides its address.
type Options struct {
	Centre string      // the centre's name, which all its keys carry; lower-case letters, digits, hyphens
	Logger *zap.Logger // nil: silent
}

// Store is the connection to the Redis of one centre. It is safe for concurrent use. Whoever opened it closes it.
type Store struct {
	centre string
	log    *zap.Logger
	clock  *clock

	commands redis.UniversalClient // short steps
	copies   redis.UniversalClient // snapshots: a long one delays no step
	reading  redis.UniversalClient // readers that block

	closing context.Context // ends when the store is closed
	close   context.CancelFunc
	mu      sync.Mutex // guards what follows; never held while anything is waited for
	warming bool       // connections are being made ready
	running sync.WaitGroup
}

// Open makes the connections to the Redis at an address (see ParseAddress). A Redis that does not answer is no error, since a node serves alone
// until it does; an address that makes no sense is one, and ErrSchema when another version of Spillway uses it.
func Open(ctx context.Context, address string, o Options) (*Store, error) {
	if o.Centre == "" {
		return nil, errors.New("store: the centre needs a name")
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	o.Logger = o.Logger.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core { // a bad record is met again and again
		return zapcore.NewSamplerWithOptions(core, time.Minute, logLines, 0)
	}))
	to, err := clientOptions(address)
	if err != nil {
		return nil, err
	}
	s := &Store{
		centre: o.Centre, log: o.Logger, clock: newClock(),
		commands: connect(to, CommandLimit), copies: connect(to, CopyLimit), reading: connect(to, readLimit),
	}
	s.closing, s.close = context.WithCancel(context.Background())
	if err := s.Check(ctx); errors.Is(err, ErrSchema) {
		return nil, errors.Join(err, s.Close())
	} else if err != nil {
		s.log.Warn("Redis does not answer: this node serves alone until it does", zap.Error(err))
	}
	return s, nil
}

// connect makes a client whose commands end within a limit, and are never sent twice behind our back.
func connect(to *redis.UniversalOptions, limit time.Duration) redis.UniversalClient {
	o := *to
	o.ContextTimeoutEnabled = true
	o.MaxRetries = -1
	o.DialerRetries = 1
	o.DialTimeout, o.PoolTimeout = connectLimit, limit
	o.ReadTimeout, o.WriteTimeout = max(limit, connectLimit), max(limit, connectLimit) // what a command has is its context's
	o.PipelinePoolSize = -1
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewUniversalClient(&o)
}

// Check asks whether the store answers, and whether this node may use it (ErrSchema).
func (s *Store) Check(ctx context.Context) error {
	_, err := s.Run(ctx, check)
	return err
}

// check does nothing beyond what every script does.
var check = NewScript("return reply('ok')")

// Now is store time: equal on all nodes but for the way to Redis, never ahead of it and never going back. Until the store is heard for the
// first time it is the wall clock's, from which it may go back then.
func (s *Store) Now() time.Time { return s.clock.now() }

// Skew is how far this machine's wall clock is ahead of store time, to within the way to Redis: negative when it is behind, and 0 before the
// store was heard. Schedules go by the wall clock, so one that is far off is worth an alarm.
func (s *Store) Skew() time.Duration { return s.clock.skew() }

// Client is the client for short commands, for rooms that keep values of their own under Key. It is closed by Close.
func (s *Store) Client() redis.UniversalClient { return s.commands }

// Log is where rooms that keep values here tell what they could not read.
func (s *Store) Log() *zap.Logger { return s.log }

// warmUp makes some connections ready for commands, in the time that connections take: a command that has to make its own may never get
// through to a Redis that is far away.
func (s *Store) warmUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Err() != nil || s.warming {
		return
	}
	s.warming = true
	s.running.Go(func() {
		defer s.warm()
		ctx, cancel := context.WithTimeout(s.closing, connectLimit)
		defer cancel()
		var pings sync.WaitGroup
		for range spareConnections {
			pings.Go(func() { _ = s.commands.Ping(ctx).Err() }) // the next command tells
		}
		pings.Wait()
	})
}

// warm notes that connections are ready, or could not be made.
func (s *Store) warm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.warming = false
}

// stop lets nothing begin any more.
func (s *Store) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
}

// Close ends the connections. Steps and readers that are under way fail.
func (s *Store) Close() error {
	s.stop()
	s.running.Wait()
	err := errors.Join(s.commands.Close(), s.copies.Close(), s.reading.Close())
	if err != nil {
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}

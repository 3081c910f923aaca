package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/internal/store/redisserver"
)

// LocalURL is the redis.url that asks for a redis-server of the node's own.
const LocalURL = "local"

const (
	// localFolder is where it keeps its data, below node.data.
	localFolder = "redis"
	// localSocket is the name of its socket, in localFolder.
	localSocket = "redis.sock"
	// localStart bounds a start again: a file of millions of writes takes seconds to read.
	localStart = time.Minute
	// localStop is how long it may take to end before it is killed.
	localStop = 5 * time.Second
	// localPause is the rest before the first start again; each further one takes twice as long, up to localRest.
	localPause = 100 * time.Millisecond
	localRest  = 5 * time.Second
	// localHealthy is how long it must have run for its next death to count as the first.
	localHealthy = 30 * time.Second
)

// Local is the private redis-server of a node whose redis.url is "local". It listens on a unix socket that only its user may open,
// writes down every change, and is started again when it dies. It is safe for concurrent use; whoever started it closes it.
type Local struct {
	configuration redisserver.Configuration
	log           *zap.Logger
	stop          context.CancelFunc
	done          chan struct{} // closed when the server has ended for good
}

// StartLocal starts a redis-server that keeps its data below a node's folder, and returns when it answers. The context bounds the start
// alone. It fails with redisserver.ErrNotInstalled on a machine that has none, and when another process uses the folder.
func StartLocal(ctx context.Context, data string, log *zap.Logger) (*Local, error) {
	folder, err := filepath.Abs(filepath.Join(data, localFolder))
	if err != nil {
		return nil, fmt.Errorf("redis.url %q: %w", LocalURL, err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("redis.url %q: %w", LocalURL, err)
	}
	l := &Local{
		configuration: redisserver.Configuration{
			Folder: folder, Address: filepath.Join(folder, localSocket), AppendOnly: true,
			Further: []redisserver.Directive{{"maxmemory-policy", "noeviction"}, {"loglevel", "warning"}},
		},
		log:  log,
		done: make(chan struct{}),
	}
	process, err := redisserver.Start(ctx, l.configuration)
	if err != nil {
		return nil, fmt.Errorf("redis.url %q: %w", LocalURL, err)
	}
	running, stop := context.WithCancel(context.Background())
	l.stop = stop
	go l.keep(running, process)
	return l, nil
}

// URL returns the address for Open. It stays the same over deaths.
func (l *Local) URL() string {
	return Address{Kind: Socket, Hosts: []string{l.configuration.Address}}.String()
}

// Close ends the server, with all that was written on the disk, and returns when it is gone: within some seconds.
func (l *Local) Close() {
	l.stop()
	<-l.done
}

// keep owns the server: it waits for its death and starts it again, until it shall end.
func (l *Local) keep(ctx context.Context, process *redisserver.Process) {
	defer close(l.done)
	pause, began := localPause, time.Now()
	for {
		select {
		case <-ctx.Done():
			limit, cancel := context.WithTimeout(context.Background(), localStop)
			defer cancel()
			process.Stop(limit)
			return
		case <-process.Done():
		}
		l.log.Error("the private redis-server died and is started again", zap.Error(process.Err()))
		if time.Since(began) > localHealthy {
			pause = localPause
		}
		if process, pause = l.again(ctx, pause); process == nil {
			return
		}
		began = time.Now()
		l.log.Info("the private redis-server runs again")
	}
}

// again starts the server after a pause, as often as it takes. It returns the pause that the next death is worth, and no
// process when the context ended.
func (l *Local) again(ctx context.Context, pause time.Duration) (*redisserver.Process, time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return nil, pause
		case <-time.After(pause):
		}
		pause = min(2*pause, localRest)
		limit, cancel := context.WithTimeout(ctx, localStart)
		process, err := redisserver.Start(limit, l.configuration)
		cancel()
		if err == nil {
			return process, pause
		}
		if ctx.Err() == nil {
			l.log.Error("the private redis-server does not start", zap.Error(err))
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/spillway-voice/spillway/internal/ops/client"
)

// elsewhere measures the time from the save of incidents.yaml on one node to the first packet of the message at each of the callers
// who wait on another, beside that of two bare loops with the same Redis between them.
func elsewhere(ctx context.Context, out io.Writer, o options) error {
	waiting := o.waiting
	redis, err := beginRedis(ctx)
	if err != nil {
		return err
	}
	defer redis.end()
	url := [2]string{`url: ""`, fmt.Sprintf("url: %q", redis.url())}
	dir, saving, err := beginNode(ctx, url)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer saving.end()
	other, serving, err := beginNode(ctx, url, [2]string{"id: syd-1", "id: mel-1"})
	if err != nil {
		return err
	}
	defer os.RemoveAll(other)
	defer serving.end()
	if err := firstError(know(ctx, saving.serving[1], 2), know(ctx, serving.serving[1], 2)); err != nil {
		return err
	}
	bare, err := beginRelay(ctx, redis, waiting)
	if err != nil {
		return err
	}
	defer bare.end()
	return flips(ctx, out, fmt.Sprintf("from save to sound on another node, %d waiting there", waiting), dir, serving, waiting, bare)
}

// know returns when a node knows so many that live.
func know(ctx context.Context, api netip.AddrPort, n int) error {
	ctx, cancel := context.WithTimeout(ctx, redisStart)
	defer cancel()
	node, err := client.New("http://"+api.String(), "")
	if err != nil {
		return err
	}
	defer node.Close()
	for {
		nodes, err := node.Nodes(ctx)
		if err != nil {
			return err
		}
		alive := 0
		for _, one := range nodes.Nodes {
			if one.Alive {
				alive++
			}
		}
		if alive == n {
			return nil
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d nodes live: %w", alive, n, err)
		}
	}
}

// beginRelay starts the bare loops for so many listeners.
func beginRelay(ctx context.Context, redis *server, listeners int) (*noticed, error) {
	n, err := openNoticed(listeners)
	if err != nil {
		return nil, err
	}
	if err := n.begin(ctx, "subscribe", append([]string{redis.address}, n.conns.ports()...)...); err != nil {
		return nil, err
	}
	return n, n.begin(ctx, "publish", redis.address, n.dir)
}

// saves is the stream between the bare loops.
const saves = "saves"

// publish is the role of the bare loop where the file is saved: it waits for the kernel's word that savedFile was replaced in a folder,
// and appends an entry to a stream.
func publish(args []string) ([]netip.AddrPort, func(), error) {
	client := redis.NewClient(&redis.Options{Addr: args[0]})
	end, err := whenSaved(args[1], func() {
		_ = client.XAdd(context.Background(), &redis.XAddArgs{Stream: saves, Values: []any{"active", "true"}}).Err() // nobody hears it then, which is told
	})
	if err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return nil, func() { end(); _ = client.Close() }, nil // nothing is done after it
}

// subscribe is the role of the bare loop where the listeners are: it waits for an entry of the stream, and sends one packet to each port.
func subscribe(args []string) ([]netip.AddrPort, func(), error) {
	conns, to, err := openSenders(args[1:])
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	client := redis.NewClient(&redis.Options{Addr: args[0]})
	go func() {
		for after := "0"; ; {
			streams, err := client.XRead(ctx, &redis.XReadArgs{Streams: []string{saves, after}, Block: time.Second}).Result()
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				continue // nothing was saved in this second
			}
			entries := streams[0].Messages
			after = entries[len(entries)-1].ID
			sendEach(conns, to, make([]byte, packetSize))
		}
	}()
	return nil, func() { cancel(); _ = client.Close(); conns.close() }, nil // nothing is done after it
}

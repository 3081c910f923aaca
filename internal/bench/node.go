package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"time"

	"github.com/spillway-voice/spillway/internal/app"
	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// secret is every agent's password.
const secret = "a password for measuring"

// layOut writes the sample centre, open at all hours, with room for the callers that are measured.
func layOut(dir string) error {
	secrets := make(map[string]string)
	for _, agent := range sample.Agents() {
		secrets[agent] = secret
	}
	free := netip.AddrPortFrom(loopback, 0)
	if err := sample.Write(dir, sample.Options{SIP: free, HTTP: free, Secrets: secrets}); err != nil {
		return err
	}
	return errors.Join(
		sample.Edit(dir, "centre.yaml", `weekly: {mon-fri: "09:00-12:30, 13:00-17:30", sat: closed}`, `weekly: {mon-sun: "00:00-24:00"}`),
		sample.Edit(dir, "centre.yaml", `dates: {2026-12-25: closed, 2026-12-24: "09:00-12:00"}`, `dates: {}`),
		sample.Edit(dir, "centre.yaml", "announce: {say: [position], first: 10s, every: 30s}", "announce: {say: [position], first: 10m, every: 10m}"),
		sample.Edit(dir, "spillway.yaml", ", tcp://"+free.String(), ""), // else a caller's sound may have the number of its port, which is refused
		sample.Edit(dir, "spillway.yaml", "calls: 2000, calls_per_second: 300", "calls: 5000, calls_per_second: 3000"),
		sample.Edit(dir, "spillway.yaml", "level: info", "level: error"))
}

// node is the role of a node; it serves SIP first, and the API.
func node(args []string) ([]netip.AddrPort, func(), error) {
	a, err := app.New(app.Options{Dir: args[0]})
	if err != nil {
		return nil, nil, err
	}
	api, err := netip.ParseAddrPort(a.HTTP())
	if err != nil {
		a.Close()
		return nil, nil, err
	}
	return []netip.AddrPort{a.SIP()[0].AddrPort, api}, a.Close, nil
}

// beginNode lays out a centre, with edits of its spillway.yaml (old and new text), and starts a node on it. Whoever calls removes dir
// and ends the process.
func beginNode(ctx context.Context, edits ...[2]string) (dir string, p *process, err error) {
	return beginNodeOn(ctx, func(dir string) error {
		var err error
		for _, e := range edits {
			err = errors.Join(err, sample.Edit(dir, "spillway.yaml", e[0], e[1]))
		}
		return err
	})
}

// beginNodeOn lays out a centre, with edits of any of its files, and starts a node on it.
func beginNodeOn(ctx context.Context, edit func(dir string) error) (dir string, p *process, err error) {
	if dir, err = os.MkdirTemp("", "spillway-bench-*"); err != nil {
		return "", nil, err
	}
	err = errors.Join(layOut(dir), edit(dir))
	if err == nil {
		p, err = begin(ctx, "node", dir)
	}
	if err != nil {
		os.RemoveAll(dir)
	}
	return dir, p, err
}

// paused signs an agent in who takes no calls: callers wait for him.
func paused(ctx context.Context, server netip.AddrPort, agent string) (*phone.Phone, error) {
	p, err := phone.New(phone.Options{Bind: loopback, Server: server, User: agent, Secret: secret})
	if err != nil {
		return nil, err
	}
	if err := p.Register(ctx, time.Hour); err != nil {
		p.Close()
		return nil, err
	}
	c, err := p.Dial(ctx, "*1", phone.CallOptions{})
	if err != nil {
		p.Close()
		return nil, err
	}
	select {
	case <-c.Done():
		return p, nil
	case <-ctx.Done():
		p.Close()
		return nil, ctx.Err()
	}
}

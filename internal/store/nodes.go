package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/routing"
)

const (
	// NodeLife is how long a node counts as alive after it announced itself: as long as the lease on what it owns, so that nobody who is
	// called dead still holds something.
	NodeLife = routing.Lease
	// nodePoll is how often Join looks whether another node renews its announcement: several times for each that it makes.
	nodePoll = 100 * time.Millisecond
	// nodeMemory is how long a node is listed after it was last heard: whoever looks for it the next day finds it, and names that are
	// never used again (those of containers) do not pile up.
	nodeMemory = 24 * time.Hour
	// nodeLimit is how large a node's record may be, in bytes.
	nodeLimit = 4 << 10
)

// ErrTwin says that another node with the same id is running. Two of them would take each other's calls for their own.
var ErrTwin = errors.New("another node with this id is running")

// Node is what a node tells the others about itself. It is a plain value.
type Node struct {
	ID            string    // as it is configured: the same in its next life
	Boot          string    // which life it is
	SIP           string    // host:port where the others can ask it by UDP whether it lives; "": nowhere
	Configuration string    // the digest of the centre that is in force there
	Version       string    // of Spillway
	Wall          time.Time // its wall clock when it told this, in whole microseconds
}

// Peer is a node as the store knows it. It is a plain value.
type Peer struct {
	Node
	Heard time.Time // the store time of its last announcement
	Alive bool      // that was within NodeLife
}

// nodeRecord is a node as it lies in the store under its id. Times are text: cjson would round them. The script keeps there, for itself, the
// boot from which this one took over (earlier).
type nodeRecord struct {
	Boot          string `json:"boot"`
	SIP           string `json:"sip,omitempty"`
	Configuration string `json:"configuration,omitempty"`
	Version       string `json:"version,omitempty"`
	Wall          string `json:"wall"`
	At            string `json:"at,omitempty"` // set by the script: store time
}

// readNode opens the scripts on one node. A record that cannot be read counts as none: a node announces itself again.
const readNode = `
local nodes, id = KEYS[3], ARGV[3]
local good, held = pcall(cjson.decode, redis.call('HGET', nodes, id) or '')
if not good or type(held) ~= 'table' or type(held.boot) ~= 'string' or type(held.at) ~= 'string' then held = nil end
`

// announce renews a node's record, unless that of another boot is fresh. What is further ahead than that is no time of this store. It may be
// repeated: the boot from which a node took over stays known.
var announce = NewScript(readNode+`
local node, life = cjson.decode(ARGV[4]), tonumber(ARGV[5])
if held and held.boot ~= node.boot and math.abs(now - (tonumber(held.at) or 0)) < life then
  return reply('twin', held.boot, held.at)
end
if held and held.boot ~= node.boot then
  node.earlier = held.boot
elseif held and type(held.earlier) == 'string' then
  node.earlier = held.earlier
end
node.at = text(now)
redis.call('HSET', nodes, id, cjson.encode(node))
return reply('ok', node.earlier or '')`, KeyNodes)

// withdraw removes the record of a boot.
var withdraw = NewScript(readNode+`
if held and held.boot == ARGV[4] then redis.call('HDEL', nodes, id) end
return reply('ok')`, KeyNodes)

// listNodes returns the records by id, and forgets those of nodes that were not heard for long.
var listNodes = NewScript(`
local nodes, memory, listed = KEYS[3], tonumber(ARGV[3]), {}
local all = redis.call('HGETALL', nodes)
for i = 1, #all, 2 do
  local good, node = pcall(cjson.decode, all[i + 1])
  local at = good and type(node) == 'table' and tonumber(node.at)
  if at and now - at > memory then
    redis.call('HDEL', nodes, all[i])
  else
    listed[#listed + 1] = all[i]
    listed[#listed + 1] = all[i + 1]
  end
end
return reply('ok', listed)`, KeyNodes)

// Nodes are the nodes of a centre, as they announce themselves. Its methods are safe for concurrent use.
type Nodes struct{ store *Store }

// NewNodes returns the nodes of a store.
func NewNodes(s *Store) *Nodes { return &Nodes{s} }

// Announce renews a node's record. It returns ErrTwin when another boot of the same id announced itself within NodeLife, also when that one
// took over because this node could not be heard for so long. Errors besides are Redis'.
func (n *Nodes) Announce(ctx context.Context, node Node) error {
	record, err := encodeNode(node)
	if err != nil {
		return err
	}
	reply, err := n.announce(ctx, node.ID, record)
	if err != nil {
		return err
	}
	return twin(node.ID, reply)
}

// Join announces a boot for the first time, and returns the earlier boot of the node whose place it takes, so that the caller can reap what
// that one owned; "" when none is known, as after it left. If another boot was heard within NodeLife, Join waits for up to NodeLife
// whether it is heard again: then it returns ErrTwin. After an error of Redis' it may be repeated, and knows the earlier boot still.
func (n *Nodes) Join(ctx context.Context, node Node) (earlier string, err error) {
	record, err := encodeNode(node)
	if err != nil {
		return "", err
	}
	again := time.NewTicker(nodePoll)
	defer again.Stop()
	var watched, stamp string // another boot, and when it was heard
	for {
		reply, err := n.announce(ctx, node.ID, record)
		if err != nil {
			return "", err
		}
		boot, at := reply.Text(0), reply.Text(1)
		switch {
		case reply.Code == "ok":
			if boot = cmp.Or(boot, watched); checkName(boot) != nil { // it may have left while it was watched
				return "", nil
			}
			return boot, nil
		case stamp == "":
			watched, stamp = boot, at
		case boot != watched || at != stamp:
			return "", twin(node.ID, reply)
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-again.C:
		}
	}
}

// announce runs the script of that name.
func (n *Nodes) announce(ctx context.Context, id, record string) (Reply, error) {
	return n.store.Run(ctx, announce, id, record, NodeLife.Microseconds())
}

// twin is the error of an announcement that another boot's stands against.
func twin(id string, r Reply) error {
	if r.Code == "ok" {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrTwin, id)
}

// Leave removes a node's record if it is that of a boot: the node is not looked for any more. There need not be any.
func (n *Nodes) Leave(ctx context.Context, id, boot string) error {
	if err := checkName(id); err != nil {
		return fmt.Errorf("the id of a node: %w", err)
	}
	_, err := n.store.Run(ctx, withdraw, id, boot)
	return err
}

// List returns the nodes that were heard within the last day, by id. What cannot be read is left out, with a line in the log.
func (n *Nodes) List(ctx context.Context) ([]Peer, error) {
	reply, err := n.store.Copy(ctx, listNodes, nodeMemory.Microseconds())
	if err != nil {
		return nil, err
	}
	var peers []Peer
	for pair := range slices.Chunk(reply.List(0), 2) {
		peer, err := decodeNode(pair[0], pair[1])
		if err != nil {
			n.store.log.Warn("the record of a node cannot be read and is left out", zap.String("node", pair[0]), zap.Error(err))
			continue
		}
		peer.Alive = reply.At.Sub(peer.Heard).Abs() < NodeLife
		peers = append(peers, peer)
	}
	slices.SortFunc(peers, func(a, b Peer) int { return cmp.Compare(a.ID, b.ID) })
	return peers, nil
}

// encodeNode writes what a node announces.
func encodeNode(node Node) (string, error) {
	if err := checkNode(node); err != nil {
		return "", fmt.Errorf("node %q: %w", node.ID, err)
	}
	text, err := json.Marshal(nodeRecord{
		Boot: node.Boot, SIP: node.SIP, Configuration: node.Configuration, Version: node.Version,
		Wall: FormatTime(node.Wall),
	})
	if err != nil {
		return "", fmt.Errorf("node %s: %w", node.ID, err)
	}
	if len(text) > nodeLimit/2 { // half of it, for what the script adds and how it writes
		return "", fmt.Errorf("node %s: a record of %d bytes; %d are allowed", node.ID, len(text), nodeLimit/2)
	}
	return string(text), nil
}

// decodeNode reads the record of a node; what others wrote is not trusted. Whether the node is alive remains to be judged.
func decodeNode(id, text string) (Peer, error) {
	if len(text) > nodeLimit {
		return Peer{}, fmt.Errorf("a record of %d bytes; %d are allowed", len(text), nodeLimit)
	}
	var r nodeRecord
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return Peer{}, err
	}
	wall, err := ParseTime(r.Wall)
	if err != nil {
		return Peer{}, err
	}
	heard, err := ParseTime(r.At)
	if err != nil {
		return Peer{}, err
	}
	node := Node{ID: id, Boot: r.Boot, SIP: r.SIP, Configuration: r.Configuration, Version: r.Version, Wall: wall}
	return Peer{Node: node, Heard: heard}, checkNode(node)
}

// checkNode checks what others rely on.
func checkNode(node Node) error {
	if err := errors.Join(checkName(node.ID), checkName(node.Boot)); err != nil {
		return err
	}
	if node.SIP == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(node.SIP)
	if number, wrong := strconv.ParseUint(port, 10, 16); err != nil || wrong != nil || number == 0 || checkName(host) != nil {
		return errors.New("where it can be asked by SIP is no host:port")
	}
	return nil
}

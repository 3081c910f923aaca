package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/viper"
)

// decodeNode reads spillway.yaml with the environment laid over it. Our own walk finds what is wrong in the file and where;
// viper decides what holds: the environment before the file before the default. Its values are our tree's, so that it
// neither lower-cases nor guesses types.
func decodeNode(dir string, source []byte, options Options, found *mistakes) *Node {
	tree := parse(NodeFile, source, found)
	if tree == nil {
		return nil
	}
	o := newReader(NodeFile, found).open(overlay(tree, found), "")
	sections := map[string]object{}
	for _, name := range o.schema.under("") {
		sections[name] = o.object(name)
	}
	n := &Node{}
	n.ID, n.Data = identity(sections["node"], dir)
	n.SIP = doorstep(sections["sip"])
	n.Media = sound(sections["media"], n.SIP.Advertise, options)
	n.Redis.URL = redisURL(sections["redis"], options)
	n.Limits = limits(sections["limits"])
	passwords := secrets{dir: dir, env: os.LookupEnv}
	if options.Env != nil {
		passwords.env = options.Env
	}
	n.Cluster = cluster(sections["cluster"], n, passwords)
	n.HTTP = api(sections["http"], passwords)
	n.Log = logging(sections["log"])
	carried(n, sections["media"])
	return n
}

// overlay returns the tree of spillway.yaml in which each key has the value that holds.
func overlay(tree *value, found *mistakes) *value {
	v := viper.New()
	settings := map[string]any{}
	for _, k := range tables[NodeFile] {
		if section, _, ok := strings.Cut(k.Path, "."); !ok || strings.Contains(k.Path, "*") {
			continue
		} else if settings[section] == nil {
			settings[section] = map[string]any{}
		}
		v.SetDefault(k.Path, k.Default)
		if err := v.BindEnv(k.Path, k.Env()); err != nil {
			found.add(Place{File: k.Env()}, "cannot be read: %v", err)
		}
		section, name, _ := strings.Cut(k.Path, ".")
		if written := tree.get(section).get(name); written != nil {
			settings[section].(map[string]any)[name] = written
		}
	}
	if err := v.MergeConfigMap(settings); err != nil {
		found.add(Place{File: NodeFile}, "cannot be read: %v", err)
	}
	for _, k := range tables[NodeFile] {
		section, name, ok := strings.Cut(k.Path, ".")
		if text, isText := v.Get(k.Path).(string); ok && isText && os.Getenv(k.Env()) != "" {
			tree.put(section, name, fromEnvironment(k, text, found))
		}
	}
	return tree
}

// fromEnvironment makes the value of a key from its environment variable: its text, or for the map of tokens a map in
// YAML's flow form.
func fromEnvironment(k Key, text string, found *mistakes) *value {
	at := Place{File: k.Env()}
	if k.Path == "http.tokens" {
		if v := parse(at.File, []byte(text), found); v != nil {
			return v
		}
		return &value{at: at, form: mapping}
	}
	return &value{at: at, form: scalar, text: text}
}

// put sets a key of a section, whether the file has them or not.
func (v *value) put(section, name string, content *value) {
	if v.form != mapping {
		return // a mistake that was noted
	}
	below := v.get(section)
	if below == nil {
		below = &value{at: content.at, form: mapping}
		v.entries = append(v.entries, entry{&value{at: content.at, text: section}, below})
	}
	if below.form == nothing {
		below.form = mapping
	}
	for i, e := range below.entries {
		if e.key.text == name {
			below.entries[i].value = content
			return
		}
	}
	below.entries = append(below.entries, entry{&value{at: content.at, text: name}, content})
}

// identity reads the name of the node and its folder.
func identity(o object, dir string) (id, data string) {
	id, ok := o.text("id")
	if !ok && !o.has("id") {
		id, _ = os.Hostname()
	}
	if id != "" || o.has("id") {
		o.name("a node", &value{at: o.at("id"), text: id})
	}
	data, _ = o.text("data")
	if data == "" {
		o.wrong("data", data)
	}
	return id, below(dir, data)
}

// doorstep reads the front door.
func doorstep(o object) SIP {
	s := SIP{Digest: o.choices("digest")}
	seen := map[Listener]bool{}
	for _, v := range o.list("listen") {
		listener, err := parseListener(v.text)
		if err == nil && seen[listener] && listener.Addr.Port() != 0 {
			err = fmt.Errorf("stands twice")
		}
		if err != nil {
			o.found.add(v.at, "sip.listen: %s %v", quote(v.text), err)
			continue
		}
		seen[listener] = true
		s.Listen = append(s.Listen, listener)
	}
	if o.has("listen") && o.empty("listen") {
		o.found.add(o.at("listen"), "sip.listen has no address; write %s", o.key("listen").Allowed)
	}
	if o.has("digest") && o.empty("digest") {
		o.found.add(o.at("digest"), "sip.digest is empty; write %s", o.key("digest").Allowed)
	}
	s.Realm, _ = o.text("realm")
	if !hostName(s.Realm) {
		o.wrong("realm", s.Realm)
	}
	var first netip.Addr
	if len(s.Listen) > 0 {
		first = s.Listen[0].Addr.Addr()
	}
	s.Advertise = advertised(o, first)
	return s
}

// parseListener reads an address to listen on.
func parseListener(text string) (Listener, error) {
	network, where, ok := strings.Cut(text, "://")
	switch network {
	case "udp", "tcp":
	case "tls", "ws", "wss":
		return Listener{}, fmt.Errorf("is over %s, which %s", network, comesLater)
	default:
		ok = false
	}
	if !ok {
		return Listener{}, fmt.Errorf("is no address to listen on; write one like udp://192.0.2.1:5060 or tcp://192.0.2.1:5060")
	}
	addr, err := netip.ParseAddrPort(where)
	if err != nil {
		return Listener{}, fmt.Errorf("needs an IPv4 address and a port, like %s://192.0.2.1:5060", network)
	}
	if !addr.Addr().Is4() {
		return Listener{}, fmt.Errorf("is IPv6, which %s", comesLater)
	}
	return Listener{Network: network, Addr: addr}, nil
}

// advertised reads the address that others reach us by; without one it is the address that we listen on.
func advertised(o object, otherwise netip.Addr) netip.Addr {
	text, ok := o.text("advertise")
	if !ok {
		if otherwise.IsValid() && otherwise.IsUnspecified() {
			o.found.add(o.at("advertise"), "%s is missing: listening on %s, we cannot know the address that others reach us by",
				o.key("advertise").label(), otherwise)
		}
		return otherwise
	}
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil || addr.IsUnspecified():
		o.wrong("advertise", text)
	case !addr.Is4():
		o.found.add(o.at("advertise"), "%s is IPv6, which %s", o.key("advertise").label(), comesLater)
	}
	return addr
}

// sound reads a node's media.
func sound(o object, advertise netip.Addr, options Options) Media {
	m := Media{Codecs: o.choices("codecs"), Timeout: o.duration("timeout"), Advertise: []netip.Addr{advertise}}
	if o.has("codecs") && o.empty("codecs") {
		o.found.add(o.at("codecs"), "media.codecs is empty; write %s", o.key("codecs").Allowed)
	}
	for _, name := range m.Codecs {
		if options.Codec == nil {
			continue
		}
		if err := options.Codec(name); err != nil {
			o.found.add(o.at("codecs"), "media.codecs: %v", err)
		}
	}
	if o.has("advertise") {
		m.Advertise = soundAddresses(o)
	}
	text, _ := o.text("ports")
	first, last, ok := parsePorts(text)
	if !ok {
		o.wrong("ports", text)
		return m
	}
	m.FirstPort, m.LastPort = first, last
	return m
}

// soundAddresses reads the addresses for sound: one, or one of each family.
func soundAddresses(o object) []netip.Addr {
	var addresses []netip.Addr
	for _, item := range o.list("advertise") {
		address, err := netip.ParseAddr(item.text)
		if err != nil || address.IsUnspecified() || address.Is4In6() || address.Zone() != "" {
			o.found.add(item.at, "%s is %s; write %s", o.key("advertise").label(), quote(item.text), o.key("advertise").Allowed)
			continue
		}
		for _, other := range addresses {
			if other.Is4() == address.Is4() {
				o.found.add(item.at, "%s has two addresses of one family, %s and %s; write one of each at most", o.key("advertise").label(), other, address)
			}
		}
		addresses = append(addresses, address)
	}
	if len(addresses) == 0 {
		o.found.add(o.at("advertise"), "%s has no address; write %s", o.key("advertise").label(), o.key("advertise").Allowed)
	}
	return addresses
}

// The ports that media may use: the ones below are the system's, and one call needs four.
const (
	lowestPort  = 1024
	highestPort = 65535
)

// parsePorts reads a range of ports. RTP stands on even ports, so a range counts from its first even port to its last odd one.
func parsePorts(text string) (first, last int, ok bool) {
	low, high, _ := strings.Cut(text, "-")
	first, errLow := strconv.Atoi(strings.TrimSpace(low))
	last, errHigh := strconv.Atoi(strings.TrimSpace(high))
	if errLow != nil || errHigh != nil || first < lowestPort || last > highestPort {
		return 0, 0, false
	}
	first, last = first+first%2, last-(last+1)%2
	return first, last, last-first+1 >= legsPerCall*portsPerLeg
}

// carried compares the port range with the calls that it must carry.
func carried(n *Node, o object) {
	needed := n.Limits.Calls * legsPerCall
	if n.Media.LastPort == 0 || n.Limits.Calls == 0 || n.Media.Legs() >= needed {
		return
	}
	o.found.warn(o.at("ports"),
		"media.ports %d-%d carries %d legs, but limits.calls %d may need %d (two for each call, two ports for each leg); further calls are refused",
		n.Media.FirstPort, n.Media.LastPort, n.Media.Legs(), n.Limits.Calls, needed)
}

// LocalRedis is the redis.url that asks for a private redis-server.
const LocalRedis = "local"

// redisURL reads the address of the store. No message holds it: it may have a password.
func redisURL(o object, options Options) string {
	url, _ := o.text("url")
	if url != "" && url != LocalRedis && options.Redis != nil {
		if err := options.Redis(url); err != nil {
			o.found.add(o.at("url"), "%v", err)
		}
	}
	return url
}

// cluster reads how nodes reach each other. Its secret is looked up when there is a shared store; without it the node serves all the
// same, since nothing is signed with it yet.
func cluster(o object, n *Node, source secrets) Cluster {
	c := Cluster{Advertise: n.SIP.Advertise}
	if text, ok := o.text("secret"); ok && n.Redis.URL != "" {
		trouble := &mistakes{}
		c.Secret, _ = source.resolve("cluster.secret", text, o.at("secret"), trouble)
		for _, m := range trouble.sorted() {
			o.found.warn(m.Place, "%s", m.Text)
		}
	}
	if o.has("advertise") {
		c.Advertise = advertised(o, n.SIP.Advertise)
	}
	return c
}

// api reads the address and the tokens of the API. Without a token it may only listen on loopback.
func api(o object, source secrets) HTTP {
	h := HTTP{Tokens: map[string]Token{}}
	text, _ := o.text("listen")
	addr, err := parseHTTPListen(text)
	if err != nil {
		o.wrong("listen", text)
	}
	h.Listen = addr
	o.each("tokens", func(key, content *value) {
		if !o.name("a token", key) {
			return
		}
		t := o.open(content, "http.tokens.*")
		token := Token{}
		for _, may := range t.choices("may") {
			token.Read = token.Read || may == "read"
			token.Act = token.Act || may == "act"
		}
		if text, ok := t.text("secret"); ok {
			token.Secret, _ = source.resolve("the secret of token "+key.text, text, t.at("secret"), o.found)
		}
		h.Tokens[key.text] = token
	})
	if err == nil && len(h.Tokens) == 0 && !addr.Addr().IsLoopback() {
		o.found.add(o.at("listen"), "http.listen is %s and there is no token: anybody could act; write http.tokens, or listen on 127.0.0.1", addr)
	}
	return h
}

// parseHTTPListen reads an address with a port; localhost and an empty host (all addresses) may stand for an address.
func parseHTTPListen(text string) (netip.AddrPort, error) {
	switch host, port, _ := strings.Cut(text, ":"); host {
	case "localhost":
		text = "127.0.0.1:" + port
	case "":
		text = "0.0.0.0:" + port
	}
	return netip.ParseAddrPort(text)
}

// limits reads what a node takes on.
func limits(o object) Limits {
	return Limits{
		Calls: o.count("calls"), CallsPerSecond: o.count("calls_per_second"),
		CallDuration: o.duration("call_duration"), Drain: o.duration("drain"),
	}
}

// logging reads how a node logs.
func logging(o object) Log {
	l := Log{Format: o.choice("format")}
	if level := o.choice("level"); level != "" {
		if err := l.Level.UnmarshalText([]byte(level)); err != nil {
			l.Level = slog.LevelInfo
		}
	}
	return l
}

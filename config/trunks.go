package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// defaultSIPPort is where a SIP address without a port leads (RFC 3261 section 19.1.2).
const defaultSIPPort = 5060

// placed is a range of addresses with the place where it is written.
type placed struct {
	netip.Prefix
	at Place
}

// decodeTrunks reads the ways to and from outside. A call is matched to a trunk by its address, so no address may be in two.
func (d *centreDraft) decodeTrunks(o object) {
	var taken []placed
	o.each("trunks", func(key, content *value) {
		if !o.name("a trunk", key) {
			return
		}
		t := o.open(content, "trunks.*")
		trunk := Trunk{Name: key.text, Channels: t.count("channels"), KeepForCallers: t.percent("keep_for_callers"), SRTP: t.choice("srtp")}
		for _, p := range t.prefixes("accept") {
			for _, other := range taken {
				if p.Overlaps(other.Prefix) {
					t.found.add(p.at, "%s overlaps %s at %s; an address belongs to one trunk", p.Prefix, other.Prefix, other.at)
				}
			}
			taken = append(taken, p)
			trunk.Accept = append(trunk.Accept, p.Prefix)
		}
		if t.has("accept") && t.empty("accept") {
			t.found.add(t.at("accept"), "accept is empty; write %s", t.key("accept").Allowed)
		}
		for _, p := range t.prefixes("media") {
			trunk.Media = append(trunk.Media, p.Prefix)
		}
		for _, v := range t.list("gateways") {
			gateway, err := parseGateway(v.text)
			if err != nil {
				t.found.add(v.at, "%s %v", quote(v.text), err)
				continue
			}
			trunk.Gateways = append(trunk.Gateways, gateway)
		}
		if id, ok := t.text("caller_id"); ok {
			trunk.CallerID, _ = t.number(&value{text: id, at: t.at("caller_id")})
		}
		d.trunks = append(d.trunks, trunk)
	})
	slices.SortFunc(d.trunks, func(a, b Trunk) int { return strings.Compare(a.Name, b.Name) })
}

// prefixes reads a list of address ranges.
func (o object) prefixes(name string) []placed {
	var all []placed
	for _, v := range o.list(name) {
		prefix, err := parsePrefix(v.text)
		if err != nil {
			o.found.add(v.at, "%s %v", quote(v.text), err)
			continue
		}
		all = append(all, placed{prefix, v.at})
	}
	return all
}

// parsePrefix reads an IPv4 address or range. A range whose address has bits beyond its length is refused: it is a slip.
func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		addr, notAddr := netip.ParseAddr(text)
		if notAddr != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("is no IPv4 address or range; write one like 192.0.2.0/24")
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	if !prefix.Addr().Is4() {
		return netip.Prefix{}, fmt.Errorf("is IPv6, which %s", comesLater)
	}
	if prefix != prefix.Masked() {
		return netip.Prefix{}, fmt.Errorf("has bits beyond its length; write %s", prefix.Masked())
	}
	return prefix, nil
}

// gatewayAllowed says how a gateway is written.
const gatewayAllowed = "write one like sip:192.0.2.1:5060 or sip:carrier.example;transport=tcp"

// parseGateway reads a SIP address without a user: sip:host[:port][;transport=udp|tcp].
func parseGateway(text string) (Gateway, error) {
	if strings.HasPrefix(strings.ToLower(text), "sips:") {
		return Gateway{}, fmt.Errorf("is over TLS, which %s", comesLater)
	}
	if len(text) < len("sip:") || !strings.EqualFold(text[:len("sip:")], "sip:") {
		return Gateway{}, fmt.Errorf("is no SIP address; %s", gatewayAllowed)
	}
	where, parameter, has := strings.Cut(text[len("sip:"):], ";")
	g := Gateway{Port: defaultSIPPort, Transport: "udp"}
	if has {
		switch transport, ok := strings.CutPrefix(strings.ToLower(parameter), "transport="); {
		case ok && (transport == "udp" || transport == "tcp"):
			g.Transport = transport
		case ok && (transport == "tls" || transport == "ws" || transport == "wss"):
			return Gateway{}, fmt.Errorf("has transport=%s, which %s", transport, comesLater)
		default:
			return Gateway{}, fmt.Errorf("has the parameter %s; ;transport=udp and ;transport=tcp are allowed", quote(parameter))
		}
	}
	host, port, hasPort := strings.Cut(where, ":")
	if strings.HasPrefix(where, "[") {
		return Gateway{}, fmt.Errorf("is IPv6, which %s", comesLater)
	}
	if hasPort {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return Gateway{}, fmt.Errorf("has the port %s; 1 to 65535 are allowed", quote(port))
		}
		g.Port = int(n)
	}
	if g.Host = host; !hostName(host) {
		return Gateway{}, fmt.Errorf("has no IPv4 address or host name; %s", gatewayAllowed)
	}
	return g, nil
}

// hostName reports whether a text is an IPv4 address or a host name (RFC 1123 section 2.1).
func hostName(text string) bool {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Is4()
	}
	if len(text) > 253 {
		return false
	}
	labels := strings.Split(text, ".")
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return false // it would be a broken IPv4 address
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

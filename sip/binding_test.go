package sip

import (
	"encoding/json"
	"net/netip"
	"testing"
)

func TestBindingIsDirectWhenItsContactIsWhereItCameFrom(t *testing.T) {
	source := netip.MustParseAddrPort("198.51.100.7:5062")
	usual := netip.MustParseAddrPort("198.51.100.7:5060")
	for _, c := range []struct {
		name, contact string
		transport     Transport
		source        netip.AddrPort
		want          bool
	}{
		{"the very address", "sip:alice@198.51.100.7:5062", UDP, source, true},
		{"with parameters", "sip:alice@198.51.100.7:5062;ob;transport=UDP", UDP, source, true},
		{"without a user", "sip:198.51.100.7:5062", UDP, source, true},
		{"the usual port", "sip:alice@198.51.100.7", UDP, usual, true},
		{"another port: a NAT", "sip:alice@198.51.100.7:5060", UDP, source, false},
		{"no port, and another came", "sip:alice@198.51.100.7", UDP, source, false},
		{"another address: a NAT", "sip:alice@10.0.0.5:5062", UDP, source, false},
		{"a connection", "sip:alice@198.51.100.7:5062;transport=tcp", TCP, source, false},
		{"to be called over a connection", "sip:alice@198.51.100.7:5062;transport=tcp", UDP, source, false},
		{"a name", "sip:alice@phone.kettle.example:5062", UDP, source, false},
		{"another scheme", "sips:alice@198.51.100.7:5062", UDP, source, false},
		{"no contact", "", UDP, source, false},
		{"no source", "sip:alice@198.51.100.7:5062", UDP, netip.AddrPort{}, false},
	} {
		b := Binding{Contact: c.contact, Transport: c.transport, Source: c.source}
		if got := b.Direct(); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// travelled is a binding as another node reads it from a store.
func travelled(t *testing.T, b Binding) Binding {
	t.Helper()
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	var there Binding
	if err := json.Unmarshal(text, &there); err != nil {
		t.Fatal(err)
	}
	return there
}

func TestPlaceIsTheSameForOnePhoneAndAtEveryNode(t *testing.T) {
	of := func(contact string) string { return Binding{Contact: contact}.Place() }
	for _, same := range [][2]string{
		{"sip:alice@10.0.0.5", "sip:alice@10.0.0.5:5060"},
		{"sip:alice@Phone.Kettle.Example", "sip:alice@phone.kettle.example;ob"},
		{"sip:alice@10.0.0.5;transport=TCP", "sip:alice@10.0.0.5;line=2;Transport=tcp"},
	} {
		if of(same[0]) != of(same[1]) {
			t.Errorf("%q and %q have different places", same[0], same[1])
		}
	}
	for _, different := range [][2]string{
		{"sip:alice@10.0.0.5", "sip:alice@10.0.0.5:5062"},
		{"sip:alice@10.0.0.5", "sip:alice@10.0.0.6"},
		{"sip:alice@10.0.0.5", "sip:Alice@10.0.0.5"},
		{"sip:alice@10.0.0.5", "sip:alice@10.0.0.5;transport=tcp"},
	} {
		if of(different[0]) == of(different[1]) {
			t.Errorf("%q and %q have one place", different[0], different[1])
		}
	}
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		p := w.from(phoneAddress)
		p.register("alice", "alice-has-a-secret", 200, aliceContact+", <sip:10.0.0.6;transport=tcp>, <SIP:a%20\"b<>&é@Phone.Kettle.Example;x=\u2028;lr>")
		r := w.server.registrar
		r.mu.RLock()
		defer r.mu.RUnlock()
		if n := len(r.agents["alice"]); n != 3 {
			t.Errorf("%d bindings", n)
		}
		for at, b := range r.agents["alice"] {
			if b.Place() != at || travelled(t, b).Place() != at {
				t.Errorf("kept at %q, its place is %q, elsewhere %q", at, b.Place(), travelled(t, b).Place())
			}
		}
	})
}

func TestContactThatNoStoreCanKeepIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		w.from(phoneAddress).register("alice", "alice-has-a-secret", 400, "Contact: <sip:al\xffice@10.0.0.5>")
	})
}

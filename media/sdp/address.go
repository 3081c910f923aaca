package sdp

import (
	"net/netip"
	"strconv"
	"strings"
)

// A Family is a version of the Internet protocol.
type Family uint8

// The families; AnyFamily leaves the choice to the order of Local.Addresses.
const (
	AnyFamily Family = iota
	IPv4
	IPv6
)

// familyNames are the address types of RFC 8866 section 9, by Family.
var familyNames = [...]string{"any", "IP4", "IP6"}

// String returns the address type that descriptions give it: IP4 or IP6.
func (f Family) String() string { return familyNames[f] }

// familyOf returns the family of an address.
func familyOf(address netip.Addr) Family {
	switch {
	case address.Is4():
		return IPv4
	case address.Is6():
		return IPv6
	}
	return AnyFamily
}

// pick returns the first of the addresses that is of a family.
func pick(addresses []netip.Addr, family Family) (netip.Addr, error) {
	for _, address := range addresses {
		if of := familyOf(address); of != AnyFamily && (family == AnyFamily || family == of) {
			return address, nil
		}
	}
	return netip.Addr{}, refuse("we have no %s address", family)
}

// readAddresses finds where the far end wants sound and reports.
func (d *Description) readAddresses(audio *stream) error {
	connection := audio.connection
	if connection == "" {
		connection = d.session.connection
	}
	if connection == "" {
		return refuse("there is no c= line for the audio stream")
	}
	address, err := parseConnection(connection)
	if err != nil {
		return err
	}
	port := uint16(audio.port)
	d.Remote = netip.AddrPortFrom(address, port)
	d.RTCP = netip.AddrPortFrom(address, max(port, port+1)) // 65535 has no port above it
	if value, ok := audio.attribute("rtcp"); ok {           // RFC 3605
		if rtcp, ok := parseRTCP(value, address); ok {
			d.RTCP = rtcp
		}
	}
	return nil
}

// parseConnection reads a connection address: "IN IP4 192.0.2.1" or "IN IP6 2001:db8::1". Host names are never
// resolved: a look-up has no place in the path of a call.
func parseConnection(connection string) (netip.Addr, error) {
	fields := strings.Fields(connection)
	if len(fields) != 3 || fields[0] != "IN" || fields[1] != IPv4.String() && fields[1] != IPv6.String() {
		return netip.Addr{}, refuse("the address %q is not supported, only IN IP4 and IN IP6 ones are", connection)
	}
	text, _, _ := strings.Cut(fields[2], "/") // multicast has a lifetime or a count behind it
	address, err := netip.ParseAddr(text)
	if err != nil || familyOf(address).String() != fields[1] {
		return netip.Addr{}, refuse("%q is not an %s address", fields[2], map[string]string{"IP4": "IPv4", "IP6": "IPv6"}[fields[1]])
	}
	if !sendable(address) {
		return netip.Addr{}, refuse("sound is not sent to %s", address)
	}
	return address, nil
}

// sendable reports whether sound may be sent to an address: not to many at once, not to what has a meaning on one link
// only (where a cloud keeps its secrets), and not to an IPv4 address in the clothes of an IPv6 one.
func sendable(address netip.Addr) bool {
	return !address.IsMulticast() && !address.IsLinkLocalUnicast() && !address.Is4In6() && address.Zone() == "" &&
		address != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// parseRTCP reads the value of a=rtcp. Reports go to the address of the sound only, so that an offer cannot make us
// send to two places.
func parseRTCP(value string, sound netip.Addr) (netip.AddrPort, bool) {
	fields := strings.Fields(value)
	if len(fields) == 0 {
		return netip.AddrPort{}, false
	}
	port, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil || port == 0 {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(sound, uint16(port)), true
}

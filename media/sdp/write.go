package sdp

import (
	"fmt"
	"net/netip"
	"strings"
)

// writeSession writes the lines above the first m= line.
func writeSession(b *strings.Builder, local Local, address netip.Addr, times string) {
	family := familyOf(address)
	fmt.Fprintf(b, "v=0\r\no=- %d %d IN %s %s\r\ns=spillway\r\nc=IN %s %s\r\nt=%s\r\n",
		local.Session, local.Version, family, address, family, address, times)
}

// writeRefused writes a stream that is turned down, in its place, with formats repeated because the grammar wants one at
// least.
func writeRefused(b *strings.Builder, s *stream) {
	fmt.Fprintf(b, "m=%s 0 %s %s\r\n", s.media, s.profile, strings.Join(s.formats, " "))
}

// lowerNames are the encoding names that the field writes in lower case.
var lowerNames = map[string]string{eventName: "telephone-event", "OPUS": "opus"}

// writeAudio writes the lines of the audio stream. There is no a=rtcp-mux (RFC 5761): reports have their own port, and an
// offer of one port for both is answered by two, as section 5.1.1 allows.
func writeAudio(b *strings.Builder, port uint16, profile string, formats []Format, direction Direction) {
	fmt.Fprintf(b, "m=audio %d %s", port, profile)
	for _, format := range formats {
		fmt.Fprintf(b, " %d", format.Type)
	}
	b.WriteString("\r\n")
	for _, format := range formats {
		writeFormat(b, format)
	}
	fmt.Fprintf(b, "a=ptime:%d\r\na=maxptime:%d\r\na=%s\r\n", usualPacket.Milliseconds(), longestPacket.Milliseconds(), direction)
}

// writeFormat writes the lines of one payload type.
func writeFormat(b *strings.Builder, format Format) {
	name, ok := lowerNames[format.Name]
	if !ok {
		name = format.Name
	}
	fmt.Fprintf(b, "a=rtpmap:%d %s/%d", format.Type, name, format.Rate)
	if format.Channels > 1 {
		fmt.Fprintf(b, "/%d", format.Channels)
	}
	b.WriteString("\r\n")
	if format.Parameters != "" {
		fmt.Fprintf(b, "a=fmtp:%d %s\r\n", format.Type, format.Parameters)
	}
}

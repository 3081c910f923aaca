package sdp

import (
	"net/netip"
	"time"
)

// A Description is what a far end said of the one audio stream that we speak about, and enough of the other lines to
// answer them.
type Description struct {
	Audio         int            // index of the audio stream among the m= lines
	Remote        netip.AddrPort // where the far end wants sound; an unspecified address (0.0.0.0, ::) means nowhere: it holds us
	RTCP          netip.AddrPort // where it wants reports
	Formats       []Format       // of the audio stream, in the far end's order
	Direction     Direction      // as the far end wrote it; 0.0.0.0 and :: already counted in
	PacketTime    time.Duration  // of sound in a packet that the far end wants, 10 to 60 ms in steps of 10
	LongestPacket time.Duration  // the most that it takes in a packet, 10 to 60 ms in steps of 10

	session     *session
	cryptos     []Crypto // keys that we could use, in the far end's order
	cryptoLines int      // how many a=crypto lines there were
}

// Parse reads a description and picks its audio stream: the first m=audio line with a port that local can talk about,
// protected ones before plain ones. Its error is a *Refusal.
func Parse(body []byte, local Local) (*Description, error) {
	if len(body) > MaxSize {
		return nil, refuse("the description is over %d bytes", MaxSize)
	}
	if len(body) == 0 {
		return nil, refuse("there is no description")
	}
	session, err := parseLines(string(body))
	if err != nil {
		return nil, err
	}
	d := &Description{session: session}
	if d.Audio, err = pickAudio(session.streams, local); err != nil {
		return nil, err
	}
	audio := session.streams[d.Audio]
	if err := d.readAddresses(audio); err != nil {
		return nil, err
	}
	if d.Formats, err = readFormats(audio); err != nil {
		return nil, err
	}
	d.cryptos, d.cryptoLines = readCryptos(audio)
	d.PacketTime, d.LongestPacket = packetTimes(audio)
	d.Direction = readDirection(audio.attributes, session.attributes)
	if d.Remote.Addr().IsUnspecified() {
		d.Direction = d.Direction.deaf()
	}
	return d, nil
}

// profile returns the transport of the audio stream: RTP/AVP, RTP/SAVP, …
func (d *Description) profile() string { return d.session.streams[d.Audio].profile }

// format finds the format of a codec.
func (d *Description) format(codec Codec) (Format, bool) {
	for _, format := range d.Formats {
		if codec.is(format) {
			return format, true
		}
	}
	return Format{}, false
}

// named finds a format of one channel by its name and clock.
func (d *Description) named(name string, clock uint32) (Format, bool) {
	return d.format(Codec{Name: name, ClockRate: clock, Channels: 1})
}

package sdp

import (
	"strconv"
	"strings"
)

// The lines of a description are read here rather than by a library: those that there are turn down whole descriptions
// for a stream of a kind that they do not know (m=image, which every fax-capable gateway offers), while RFC 3264 wants
// only that stream to be refused. What we do not use is not judged.

// session is the lines of a description that matter to an answer.
type session struct {
	connection string      // value of c= above the first stream; "": none
	times      string      // value of the first t=
	attributes []attribute // above the first stream
	streams    []*stream
}

// stream is one m= line and those that belong to it.
type stream struct {
	media      string // audio, video, …
	port       int
	profile    string   // RTP/AVP, …
	formats    []string // payload types, for RTP
	connection string   // value of its own c=; "": none
	attributes []attribute
}

// attribute is an a= line: its name, and its value when it has one.
type attribute struct{ name, value string }

// attribute returns the value of the first attribute of a name.
func (s *stream) attribute(name string) (value string, ok bool) {
	for _, a := range s.attributes {
		if a.name == name {
			return a.value, true
		}
	}
	return "", false
}

// parseLines splits a description into its lines. Lines may end in CR LF or LF, and the last need not end.
func parseLines(text string) (*session, error) {
	s := &session{times: "0 0"}
	timed := false
	for i, line := range strings.Split(strings.TrimRight(text, "\r\n\x00 "), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if len(line) < 2 || line[1] != '=' || strings.ContainsAny(line, "\r\x00") {
			return nil, refuse("line %d of the description is not a letter, = and a value", i+1)
		}
		kind, value := line[0], strings.TrimSpace(line[2:])
		if i == 0 && (kind != 'v' || value != "0") {
			return nil, refuse("the description does not begin with v=0")
		}
		switch kind {
		case 'c':
			s.connect(value)
		case 't':
			if times, ok := parseTimes(value); ok && !timed {
				s.times, timed = times, true
			}
		case 'a':
			s.attribute(value)
		case 'm':
			if err := s.begin(value); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// current returns the stream that lines belong to now, or nil.
func (s *session) current() *stream {
	if len(s.streams) == 0 {
		return nil
	}
	return s.streams[len(s.streams)-1]
}

// connect takes a c= line. Of several for one stream the first counts.
func (s *session) connect(value string) {
	place := &s.connection
	if stream := s.current(); stream != nil {
		place = &stream.connection
	}
	if *place == "" {
		*place = value
	}
}

// attribute takes an a= line.
func (s *session) attribute(text string) {
	name, value, _ := strings.Cut(text, ":")
	a := attribute{name: name, value: strings.TrimSpace(value)}
	if stream := s.current(); stream != nil {
		stream.attributes = append(stream.attributes, a)
		return
	}
	s.attributes = append(s.attributes, a)
}

// begin takes an m= line.
func (s *session) begin(value string) error {
	fields := strings.Fields(value)
	if len(fields) < 4 {
		return refuse("the stream %q is not a kind, port, profile and formats", value)
	}
	port, _, _ := strings.Cut(fields[1], "/") // a range of ports is for layers that sound does not have
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return refuse("%q is not a port", fields[1])
	}
	if len(s.streams) >= maxMedia {
		return refuse("the description has over %d streams", maxMedia)
	}
	s.streams = append(s.streams, &stream{media: fields[0], port: int(number), profile: fields[2], formats: fields[3:]})
	return nil
}

// parseTimes reads a t= line, which an answer repeats.
func parseTimes(value string) (string, bool) {
	fields := strings.Fields(value)
	if len(fields) != 2 {
		return "", false
	}
	for _, field := range fields {
		if _, err := strconv.ParseUint(field, 10, 64); err != nil {
			return "", false
		}
	}
	return strings.Join(fields, " "), true
}

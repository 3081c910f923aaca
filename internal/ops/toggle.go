package ops

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// bodyLimit is the most bytes of a request's body: a toggle has some hundreds.
	bodyLimit = 64 << 10
	// reasonLimit is the most characters of a reason, as incident has it: a line or two on a screen.
	reasonLimit = 500
	// shortestFor and longestFor bound how long an incident may be switched on for, as in incidents.yaml. Who means "until we say
	// otherwise" says so.
	shortestFor = time.Second
	longestFor  = 90 * day
	day         = 24 * time.Hour
	// untilManual is the end that somebody brings about by hand.
	untilManual = "manual"
)

// toggleBody is what is posted to switch an incident.
type toggleBody struct {
	Active *bool           `json:"active"`
	For    json.RawMessage `json:"for"` // "6h", or a number of seconds
	Until  *string         `json:"until"`
	Reason string          `json:"reason"`
}

// readBody returns the JSON of a request.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, named := params["charset"]
	if err != nil || kind != "application/json" || named && !strings.EqualFold(charset, "utf-8") || r.Header.Get("Content-Encoding") != "" {
		return nil, refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "the body must be application/json, in UTF-8, not compressed")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, refuse(http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body is larger than %d bytes", bodyLimit))
	}
	if err != nil {
		return nil, badRequest("the body could not be read")
	}
	return body, nil
}

func badRequest(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "bad_request", fmt.Sprintf(format, args...))
}

// parseToggle reads a posted toggle; zone is the centre's. By and From are left to the caller.
func parseToggle(body []byte, zone *time.Location) (Toggle, error) {
	var b toggleBody
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return Toggle{}, badRequest("the body is not a toggle: %s", decodeWords(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Toggle{}, badRequest("the body goes on after the toggle")
	}
	if b.Active == nil {
		return Toggle{}, badRequest("active is missing: true or false")
	}
	if err := checkReason(b.Reason); err != nil {
		return Toggle{}, err
	}
	t := Toggle{Active: *b.Active, Reason: b.Reason}
	hasFor := len(b.For) > 0 && !bytes.Equal(b.For, []byte("null"))
	switch {
	case hasFor && b.Until != nil:
		return Toggle{}, badRequest("for and until exclude each other")
	case !t.Active && (hasFor || b.Until != nil):
		return Toggle{}, badRequest("for and until go with active: true")
	}
	var err error
	if hasFor {
		t.For, err = parseFor(b.For)
	} else if b.Until != nil {
		t.Until, t.Manual, err = parseUntil(*b.Until, zone)
	}
	if err != nil {
		return Toggle{}, err
	}
	return t, nil
}

// decodeWords says what is wrong with JSON, in the words of the API and not those of Go.
func decodeWords(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return strings.TrimSpace(fmt.Sprintf("%s cannot be of type %s", wrong.Field, wrong.Value))
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends too early"
	}
	return shortened(strings.TrimPrefix(err.Error(), "json: "))
}

// parseFor reads how long: a text like "6h" or "90m", or a number of seconds.
func parseFor(text json.RawMessage) (time.Duration, error) {
	var d time.Duration
	var s string
	if json.Unmarshal(text, &s) == nil {
		parsed, err := parseDuration(s)
		if err != nil {
			return 0, badRequest("for is a time such as 90m, 6h or 2d, not %q", shortened(s))
		}
		d = parsed
	} else {
		var seconds Seconds
		if err := json.Unmarshal(text, &seconds); err != nil {
			return 0, badRequest("for is a time such as \"6h\", or a number of seconds")
		}
		d = time.Duration(seconds)
	}
	if d < shortestFor || d > longestFor {
		return 0, badRequest("for is from %s to %dd", shortestFor, longestFor/day)
	}
	return d, nil
}

// parseDuration reads a duration as Go has it, with days before: 2d, 1d12h.
func parseDuration(text string) (time.Duration, error) {
	number, rest, hasDays := strings.Cut(text, "d")
	if !hasDays {
		return time.ParseDuration(text)
	}
	days, err := strconv.ParseUint(number, 10, 16) // 65,535 days are far from overflow, and far too long
	if err != nil || rest == "" {
		return time.Duration(days) * day, err
	}
	more, err := time.ParseDuration(rest)
	if err == nil && more < 0 {
		err = errors.New("a negative part")
	}
	return time.Duration(days)*day + min(more, longestFor), err
}

// parseUntil reads an end: a moment, or "manual".
func parseUntil(text string, zone *time.Location) (until time.Time, manual bool, err error) {
	if text == untilManual {
		return time.Time{}, true, nil
	}
	if until, err = ParseMoment(text, zone); err != nil {
		return time.Time{}, false, badRequest("until %v; %q is until it is switched off by hand", err, untilManual)
	}
	return until, false, nil
}

// checkReason refuses a reason that would spoil a line of a log or a list.
func checkReason(reason string) error {
	if utf8.RuneCountInString(reason) > reasonLimit {
		return badRequest("reason has more than %d characters", reasonLimit)
	}
	for _, r := range reason {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return badRequest("reason is one line of text, without control characters")
		}
	}
	return nil
}

// shortened returns a text that can be quoted in a message.
func shortened(s string) string {
	const most = 80 // characters
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

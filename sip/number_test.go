package sip

import (
	"strings"
	"testing"
	"unicode/utf8"

	sipgo "github.com/emiago/sipgo/sip"
)

func TestNumber(t *testing.T) {
	for user, want := range map[string]string{
		"+61280000001":                      "+61280000001",
		"+61-2-8000.0001":                   "+61280000001",
		"(02)8000-0001;phone-context=+61":   "0280000001",
		"%2B61280000001":                    "+61280000001",
		"061":                               "061",
		"%2A1":                              "*1",
		"*1":                                "*1",
		"reserve-01":                        "reserve-01",
		"alice.nguyen":                      "alice.nguyen",
		"alice;ob":                          "alice",
		"a%00b%0d%0ac":                      "abc",
		"%zz":                               "%zz",
		"":                                  "",
		"\u202eabc":                         "abc",
		strings.Repeat("1", 3*maxName):      strings.Repeat("1", maxName),
		strings.Repeat("\u00e9", maxName+1): strings.Repeat("\u00e9", maxName),
	} {
		if got := number(user); got != want {
			t.Errorf("number(%q) = %q, want %q", user, got, want)
		}
	}
}

func TestPartyOfAHostileFromHeader(t *testing.T) {
	from := &sipgo.FromHeader{
		DisplayName: "Kim \\\"the\\\\ kettle\\\" \u202e\x1b[31m" + strings.Repeat("x", 200),
		Address:     sipgo.Uri{Scheme: "sip", User: "+61-400%20111", Host: "h"},
	}
	p := partyOf(from)
	if !strings.HasPrefix(p.Display, `Kim "the\ kettle" [31mxxx`) || utf8.RuneCountInString(p.Display) != maxName {
		t.Errorf("display %q", p.Display)
	}
	if p.Number != "+61-400 111" {
		t.Errorf("number %q", p.Number)
	}
	var tel sipgo.Uri
	if err := sipgo.ParseUri("tel:+61-2-8000-0001;ext=5", &tel); err != nil {
		t.Fatal(err)
	}
	if got := userOf(&tel); got != "+61280000001" {
		t.Errorf("tel: %q", got)
	}
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"+61-2", "%2B61", "a;b", "\u202e", "%", "\xff\xfe", "%F0%9F"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, user string) {
		got := number(user)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxName || strings.ContainsAny(got, "\r\n\x00\u202e") {
			t.Errorf("number(%q) = %q", user, got)
		}
		var back sipgo.Uri
		escaped := escapeUser(user)
		if err := sipgo.ParseUri("sip:"+escaped+"@h", &back); err != nil || escaped != "" && back.Host != "h" {
			t.Errorf("escapeUser(%q) = %q: %v, host %q", user, escaped, err, back.Host)
		}
	})
}

func FuzzQuote(f *testing.F) {
	f.Add(`a"b\c`)
	f.Add("\r\nVia: x")
	f.Fuzz(func(t *testing.T, name string) {
		quoted := quote(name)
		if strings.ContainsAny(quoted, "\r\n") || unquote(quoted) != harmless(name) {
			t.Errorf("quote(%q) = %q", name, quoted)
		}
	})
}

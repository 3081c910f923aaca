package client

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dial returns a client of a server that answers with a handler.
func dial(t *testing.T, token string, answer http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(answer)
	c, err := New(server.URL, token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); server.Close() })
	return c
}

func TestTheAddressOfAnAPIIsCheckedBeforeItIsUsed(t *testing.T) {
	for _, api := range []string{"", "ftp://127.0.0.1", "http://", "http://user:pass@127.0.0.1", "http://127.0.0.1/?a=b",
		"http://127.0.0.1/api/v1", "http://127.0.0.1/#x", "http://127.0.0.1:port", "\x1b"} {
		if c, err := New(api, ""); err == nil {
			t.Errorf("%q: %+v", api, c)
		}
	}
	for _, api := range []string{DefaultAPI, DefaultAPI + "/", "127.0.0.1:8080", "https://[::1]:8443"} {
		if _, err := New(api, "secret"); err != nil {
			t.Errorf("%q: %v", api, err)
		}
	}
}

func TestATokenThatNoHeaderCanCarryIsRefusedUntold(t *testing.T) {
	for _, token := range []string{"two words", "line\nbreak", "schlüssel"} {
		if _, err := New(DefaultAPI, token); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("%q: %v", token, err)
		}
	}
}

func TestATokenIsNotTakenElsewhere(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	c := dial(t, "secret", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Error(r.Header)
		}
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	_, err := c.Queues(t.Context())
	if refusal, ok := errors.AsType[*Refusal](err); !ok || refusal.Status != http.StatusTemporaryRedirect {
		t.Error(err)
	}
}

func TestAnAnswerThatIsNotANodesIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"a page":             {200, "<html>", "does not answer as a node does"},
		"another shape":      {200, `{"name":1}`, "does not answer as a node does"},
		"an empty answer":    {200, "", "does not answer as a node does"},
		"a proxy's error":    {502, "<html>bad gateway</html>", "502 bad gateway"},
		"a refusal":          {403, `{"error":{"code":"forbidden","message":"this token may not read"}}`, "this token may not read"},
		"more than is right": {200, `["` + strings.Repeat("x", answerBytes) + `"]`, "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			client := dial(t, "", func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			if _, err := client.Queues(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestANameIsOnePartOfTheAddress(t *testing.T) {
	c := dial(t, "", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != "/api/v1/incidents/..%2Fconfig%3Fa" {
			t.Error(r.URL.EscapedPath())
		}
		w.WriteHeader(http.StatusNotFound)
	})
	if _, err := c.Toggle(t.Context(), "../config?a", Toggle{}); err == nil || err.Error() != "404 not found" {
		t.Error(err)
	}
}

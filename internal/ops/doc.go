// Package ops is what staff and their tools use: the HTTP API, the stream of events, health, and the metrics of one node.
//
// It looks at a running node from the outside. What it needs is declared here in its own words (Node), internal/app implements
// it; the command line talks to the API through internal/ops/client, which shares the JSON types of this package. In the path
// of a call it takes no part: nothing here is between a caller and an agent, and a slow browser slows nobody else down.
//
// It is not for deciding anything: which caller reaches whom is routing, which incident holds is incident, what a file means
// is config.
//
// The API is HTTP/1.1 (RFC 9110, RFC 9112) with JSON (RFC 8259); times are RFC 3339 in UTC, durations are seconds as numbers.
// Every field is always there: a text that does not apply is "", a time or a number that does not apply is null, a list
// without entries is []. Errors are {"error":{"code","message"}}. Events are server-sent events as the HTML standard has them.
package ops

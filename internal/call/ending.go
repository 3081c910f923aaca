package call

// Result is how a call ended. The list is closed: reports, metrics and the API count by it.
type Result string

// The results of a call.
const (
	Answered  Result = "answered"   // an agent spoke with the caller
	Abandoned Result = "abandoned"  // the caller hung up before that
	Message   Result = "message"    // ended after an incident's message
	RoutedOut Result = "routed_out" // the flow led to its end without an agent
	Refused   Result = "refused"    // we did not serve it: busy, declined, closed, no place
	Broken    Result = "failed"     // something went wrong; the reason separates carrier, agent and us
)

// Reason is why. The list is closed too.
type Reason string

// The reasons of an end.
const (
	ByCaller   Reason = "caller"
	ByAgent    Reason = "agent"
	Short      Reason = "short" // abandoned within ShortAbandon of entering a queue
	ByKey      Reason = "key"
	Timeout    Reason = "timeout"
	Full       Reason = "full"
	Closed     Reason = "closed"
	Unstaffed  Reason = "unstaffed"
	Overflow   Reason = "overflow"
	Incident   Reason = "incident"
	Drain      Reason = "drain"
	NoMedia    Reason = "no_media"
	Carrier    Reason = "carrier"
	Overload   Reason = "overload"
	OurFailure Reason = "internal"
)

// Ending is one result with one reason.
type Ending struct {
	Result Result
	Reason Reason
}

// flowEnding is the ending of a call that its flow hung up, by the reason the flow gives: queued says whether the caller was in a
// queue on the way, since only there does time that ran out mean that nobody served him.
func flowEnding(reason string, queued bool) Ending {
	switch r := Reason(reason); r {
	case Timeout:
		if !queued {
			return Ending{RoutedOut, r}
		}
		return Ending{Refused, r}
	case Full, Unstaffed, Closed, Overflow, Overload, Drain:
		return Ending{Refused, r}
	case Incident:
		return Ending{Message, r}
	case OurFailure:
		return Ending{Broken, r}
	default:
		return Ending{RoutedOut, ByKey}
	}
}

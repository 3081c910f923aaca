package ops

// CallSound is how good the sound of a call was: of each leg that had sound, once it has ended.
type CallSound struct {
	Caller *LegSound `json:"caller,omitempty"`
	Agent  *LegSound `json:"agent,omitempty"` // of the last agent's, when there were several
}

// LegSound is how good the sound of one leg was, from its beginning to its end. What is not known is nil, and absent. The scores are
// those of the E-model (ITU-T G.107), on the scale of a telephone line: 1 to 4.41.
type LegSound struct {
	Codec     string   `json:"codec"`                // as in SDP
	MOS       *float64 `json:"mos,omitempty"`        // what came from the far end, as the node heard it
	Loss      *float64 `json:"loss,omitempty"`       // share of its packets that did not come, 0 to 1
	Jitter    *Seconds `json:"jitter,omitempty"`     // mean, RFC 3550
	RoundTrip *Seconds `json:"round_trip,omitempty"` // by RTCP
	FarMOS    *float64 `json:"far_mos,omitempty"`    // what went to the far end, by its own RTCP reports
	FarLoss   *float64 `json:"far_loss,omitempty"`
	FarJitter *Seconds `json:"far_jitter,omitempty"`
}

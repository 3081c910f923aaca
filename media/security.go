package media

import (
	"fmt"

	"github.com/spillway-voice/spillway/media/sdp"
)

// Security is whether the sound of a leg is protected by SRTP (RFC 3711), with keys in the descriptions (RFC 4568).
type Security = sdp.Security

// The ways to have it.
const (
	SecurityOff      = sdp.Off      // plain sound only
	SecurityOptional = sdp.Optional // protected where the far end has it
	SecurityRequired = sdp.Required // protected or not at all
)

// ParseSecurity finds one by its name: off, optional or required.
func ParseSecurity(name string) (Security, error) {
	for _, s := range []Security{SecurityOff, SecurityOptional, SecurityRequired} {
		if s.String() == name {
			return s, nil
		}
	}
	return 0, fmt.Errorf("srtp %q is not one of off, optional, required", name)
}

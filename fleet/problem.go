// SPDX-License-Identifier: Apache-2.0

package fleet

// HubName is the DNS name in a hub's certificate. Hosts know their hub by the fleet's CA, not by its address, which
// may change.
const HubName = "hub.ebb.internal"

// Codes of problems on the control port.
const (
	CodeNotFound     = "not-found"
	CodeDenied       = "denied"
	CodeTokenUnknown = "token-unknown"
	CodeTokenUsed    = "token-used"
	CodeTokenExpired = "token-expired"
	CodeExpired      = "certificate-expired" // or not valid yet
	CodeBadRequest   = "bad-request"
	CodeTooLarge     = "too-large"
	CodeBusy         = "busy"        // asked too often
	CodeUnavailable  = "unavailable" // the hub cannot do it now; again helps
	CodeInternal     = "internal"
)

// Problem is an error as the control port says it (RFC 9457, application/problem+json).
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
}

func (p *Problem) Error() string { return p.Title }

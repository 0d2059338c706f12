// SPDX-License-Identifier: Apache-2.0

package api

import "fmt"

// Codes of problems, and with them the exit code of the command line.
const (
	CodeBadRequest  = "bad-request"
	CodeNotFound    = "not-found"
	CodeUnreachable = "unreachable"
	CodeIntegrity   = "integrity"
	CodeDenied      = "denied"
	CodeIncomplete  = "incomplete"
	CodePaused      = "paused"
	CodeExists      = "exists"
	CodeNoSpace     = "no-space"
	CodeUnavailable = "unavailable"
	CodeInternal    = "internal"
	CodeLate        = "deadline-at-risk"
	CodeConfirm     = "confirm"
	CodeLocked      = "locked"
)

// Problem is an error as it crosses an HTTP API (RFC 9457, application/problem+json). Code decides, Title and
// Detail report, Hint says what to type next.
type Problem struct {
	Type   string `json:"type,omitempty"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail,omitempty"`
	Hint   string `json:"hint,omitempty"`
}

func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return fmt.Sprintf("%s: %s", p.Title, p.Detail)
}

// SPDX-License-Identifier: Apache-2.0

package link

// ECN is the codepoint of RFC 3168, section 5.
type ECN uint8

const (
	NotECT ECN = 0
	ECT1   ECN = 1
	ECT0   ECN = 2
	CE     ECN = 3
)

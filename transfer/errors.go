// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"errors"
	"fmt"
)

// What a call to a Session can be answered with.
var (
	ErrClosed         = errors.New("transfer: the session has ended; open another one")
	ErrNotReady       = errors.New("transfer: the peer has not said hello yet; wait for PeerHello")
	ErrInboxFull      = errors.New("transfer: the inbox is full; wait for an answer or cancel a request")
	ErrTooLarge       = errors.New("transfer: larger than the whole inbox; it can never be asked for")
	ErrTooMany        = errors.New("transfer: the peer's limit is reached; end something first")
	ErrUnknownRequest = errors.New("transfer: no such request is open; it was answered or canceled")
	ErrSize           = errors.New("transfer: the answer has not the size the peer asked for; it was told not-held")
	ErrInvalid        = errors.New("transfer: invalid argument")
)

// ProtocolError says what the other side did that the protocol forbids. The session is over; the owner closes the
// carrier and blames the peer.
type ProtocolError struct {
	Message string // the kind of message, as in "data"
	Request uint32 // zero when it is not about a request
	What    string
}

func (e *ProtocolError) Error() string {
	if e.Request != 0 {
		return fmt.Sprintf("transfer: peer broke the protocol: %s for request %d: %s", e.Message, e.Request, e.What)
	}
	return fmt.Sprintf("transfer: peer broke the protocol: %s: %s", e.Message, e.What)
}

// VersionError says that two hosts have no version of the protocol in common. Nobody is to blame; one of them wants
// an update.
type VersionError struct {
	OurMin, OurMax     uint16
	TheirMin, TheirMax uint16
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("transfer: no common protocol version: we speak %d to %d, the peer %d to %d; update the older host",
		e.OurMin, e.OurMax, e.TheirMin, e.TheirMax)
}

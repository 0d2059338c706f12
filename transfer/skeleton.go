// SPDX-License-Identifier: Apache-2.0

package transfer

import "fmt"

func (m Hello) Append(dst []byte) []byte    { return dst }
func (m Bye) Append(dst []byte) []byte      { return dst }
func (m Ping) Append(dst []byte) []byte     { return dst }
func (m Pong) Append(dst []byte) []byte     { return dst }
func (m Interest) Append(dst []byte) []byte { return dst }
func (m Have) Append(dst []byte) []byte     { return dst }
func (m Want) Append(dst []byte) []byte     { return dst }
func (m Data) Append(dst []byte) []byte     { return dst }
func (m Cancel) Append(dst []byte) []byte   { return dst }
func (m Refuse) Append(dst []byte) []byte   { return dst }
func (m Find) Append(dst []byte) []byte     { return dst }
func (m Found) Append(dst []byte) []byte    { return dst }

// Parse reads the one message that msg is.
func Parse(msg []byte) (Message, error) { return nil, nil }

// Validate says whether another session would accept h.
func (h Hello) Validate() error { return nil }

func (k Kind) String() string      { return fmt.Sprint(uint8(k)) }
func (r Reason) String() string    { return fmt.Sprint(uint8(r)) }
func (r ByeReason) String() string { return fmt.Sprint(uint8(r)) }

// Holding describes the whole set of a content with total chunks.
func Holding(content ID, total uint32, held func(index uint32) bool) Have { return Have{} }

// Gained describes one chunk that is held now.
func Gained(content ID, total, index uint32) Have { return Have{} }

func (m Hello) String() string       { return "" }
func (m Bye) String() string         { return "" }
func (m Ping) String() string        { return "" }
func (m Pong) String() string        { return "" }
func (m Interest) String() string    { return "" }
func (m Have) String() string        { return "" }
func (m Want) String() string        { return "" }
func (m Data) String() string        { return "" }
func (m Cancel) String() string      { return "" }
func (m Refuse) String() string      { return "" }
func (m Find) String() string        { return "" }
func (m Found) String() string       { return "" }
func (e PeerHello) String() string   { return "" }
func (e Interested) String() string  { return "" }
func (e PeerHave) String() string    { return "" }
func (e Requested) String() string   { return "" }
func (e Canceled) String() string    { return "" }
func (e Served) String() string      { return "" }
func (e Finding) String() string     { return "" }
func (e Received) String() string    { return "" }
func (e Refused) String() string     { return "" }
func (e Stalled) String() string     { return "" }
func (e PeerBye) String() string     { return "" }
func (e PingTimeout) String() string { return "" }

// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bytes"
	"slices"
)

// Account is what went over the conversation for one content: payload of data messages, in bytes. Which content a chunk is for only the
// owners know (WantSpec.Content, Session.Label); what came for no request that is remembered is under the zero id.
type Account struct {
	Content   ID
	Received  int64 // arrived, whatever became of it
	Canceled  int64 // of these: of requests that were canceled or refused, or that the end of the session cut off
	Duplicate int64 // of these: had arrived before
	Sent      int64 // cut into messages
}

// accounts is what was not yet taken.
type accounts map[ID]*Account

func (a accounts) add(x Account) {
	sum := a[x.Content]
	if sum == nil {
		sum = &Account{Content: x.Content}
		a[x.Content] = sum
	}
	sum.Received += x.Received
	sum.Canceled += x.Canceled
	sum.Duplicate += x.Duplicate
	sum.Sent += x.Sent
}

// TakeAccounts gives what was added since it was last called, by content. Canceled may exceed Received: what had arrived before turned out
// to be for nothing.
func (s *Session) TakeAccounts() []Account {
	if len(s.accounts) == 0 {
		return nil
	}
	list := make([]Account, 0, len(s.accounts))
	for _, x := range s.accounts {
		list = append(list, *x)
	}
	clear(s.accounts)
	slices.SortFunc(list, func(x, y Account) int { return bytes.Compare(x.Content[:], y.Content[:]) })
	return list
}

// Label says for which content an open request of the other side is. Nothing depends on it but Accounts.
func (s *Session) Label(req uint32, content ID) {
	if v := s.serves.open[req]; v != nil {
		v.content = content
	}
}

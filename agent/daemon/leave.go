// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"time"

	"github.com/ebbproject/ebb/transfer"
)

// farewell is how long a goodbye may take.
const farewell = time.Second

// finishWithin is how long the end of the process waits for answers that were begun: a part of a chunk is of no use to anybody, and would
// cross the links again.
const finishWithin = 2 * time.Second

// finish begins the end of the process: nothing more is begun for the peer.
func (p *conversation) finish() {
	p.session.Finish(time.Now())
	p.finishBy = time.Now().Add(finishWithin)
}

// finished reports whether finish was called and all that was begun has arrived, or no time is left. The goodbye must not overtake data.
func (p *conversation) finished() bool {
	if p.finishBy.IsZero() {
		return false
	}
	st := p.conn.Stats()
	return p.session.Stats().Serving == 0 && st.InFlight == 0 && st.Buffered == 0 || !time.Now().Before(p.finishBy)
}

// leave says goodbye; a peer that does not take it is left without after farewell.
func (p *conversation) leave(why transfer.ByeReason) {
	p.session.Close(why)
	if p.leaveBy.IsZero() {
		p.leaveBy = time.Now().Add(farewell)
	}
}

func (p *conversation) deadline() time.Time {
	t := p.session.Deadline()
	if a := p.caps.again; !a.IsZero() && (t.IsZero() || a.Before(t)) {
		t = a
	}
	if p.leaveBy.IsZero() {
		if f := p.finishBy; !f.IsZero() && (t.IsZero() || f.Before(t)) {
			t = f
		}
	} else if t.IsZero() || p.leaveBy.Before(t) {
		return p.leaveBy
	}
	return t
}

// over reports whether nothing is left to be said, or nobody to say it to.
func (p *conversation) over(arrived int) bool {
	select {
	case <-p.conn.Done():
		return arrived == 0
	default:
	}
	return !p.leaveBy.IsZero() && (!p.session.Pending() || !time.Now().Before(p.leaveBy))
}

// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"time"

	"github.com/ebbproject/ebb/link"
)

const (
	reportDatagrams = 16                    // a feedback at the latest after so many datagrams
	reportWithin    = 25 * time.Millisecond // or after this, or a quarter of a round trip
	repeated        = 64                    // receipts in a feedback: what a lost feedback said is said again
	reportBytes     = 24 + 4*repeated
)

// A receiver stamps what arrives and reports it.
type receiver struct {
	delivered int64 // bytes
	recent    [repeated]receipt
	count     uint64    // receipts ever; the newest is at (count-1) % repeated
	unsaid    int       // receipts that no feedback has named
	reportBy  time.Time // when they must be named; zero: nothing to say
}

type receipt struct {
	sequence uint64
	at       time.Time // arrival
	delay    int32     // arrival stamp - send stamp, microseconds, as 32-bit stamps have it
}

type feedback struct {
	sent     time.Time
	filled   int
	receipts [repeated]receipt
}

func (f *Flow) arrived(p packet) {
	r, now := &f.receiver, f.world.now
	r.delivered += int64(f.cfg.MSS)
	stamp := f.cfg.Clock.stamp(f.world.since())
	r.recent[r.count%repeated] = receipt{sequence: p.sequence, at: now, delay: int32(stamp - p.sent)}
	r.count++
	r.unsaid++
	if r.unsaid == 1 {
		r.reportBy = now.Add(min(f.sender.minRTT/4, reportWithin))
	}
	if r.unsaid >= f.cfg.ReportEvery {
		f.report()
	}
	f.by(r.reportBy)
}

// report sends a feedback.
func (f *Flow) report() {
	r, w := &f.receiver, f.world
	var out *feedback
	if n := len(w.spare); n > 0 {
		out, w.spare = w.spare[n-1], w.spare[:n-1]
	} else {
		out = new(feedback)
	}
	out.sent = w.now
	out.filled = int(min(r.count, repeated))
	for i := range out.filled {
		out.receipts[i] = r.recent[(r.count-uint64(out.filled)+uint64(i))%repeated]
	}
	r.unsaid, r.reportBy = 0, time.Time{}
	d := link.Datagram[packet]{Size: reportBytes, Payload: packet{flow: f, report: out}}
	if f.path.Reverse.Send(w.now, d) != link.Queued {
		w.spare = append(w.spare, out)
	}
}

// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"math"
	"time"

	"github.com/ebbproject/ebb/content"
)

// unbounded is the room of a disk that has enough of it.
const unbounded = math.MaxInt64

// Room says how many bytes may be asked for and not yet stored, at most, and for which reason there are not more, such
// as CacheFull. What is under way already comes all the same. Without it, and with the reason None, only MaxInFlight
// counts.
func (s *Scheduler) Room(now time.Time, bytes int64, why Reason) {
	if why == None {
		bytes = unbounded
	}
	if bytes > s.room {
		s.wakeAt(now)
	}
	s.room, s.tight = bytes, why
}

// fits reports whether there is room in flight for a chunk.
func (s *Scheduler) fits(c content.Chunk) bool {
	return s.inFlight+int64(c.Size) <= min(s.config.MaxInFlight, s.room)
}

// starvedFor is why something that could be asked for is not: memory, or the room on the disk.
func (s *Scheduler) starvedFor() Reason {
	if s.room < s.config.MaxInFlight {
		return s.tight
	}
	return MemoryLimit
}

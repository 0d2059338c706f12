// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"fmt"
	"slices"
)

// stage is how far a request of the other side has come.
type stage uint8

const (
	asked   stage = iota // waits for room before the owner hears of it
	told                 // the owner was told and reads it, or looks the name up
	sending              // the owner gave the answer
)

// serve is one open request of the other side.
type serve struct {
	request  uint32
	find     bool
	kind     Kind
	priority uint8
	id       ID
	content  ID  // what it is for, if the owner said so
	size     int // exact for a chunk, the limit for a manifest
	stage    stage
	cost     int    // bytes of the room it takes: expected while told, real while sending
	data     []byte // the answer, referred to; nil unless sending
	offset   int    // bytes of data that were cut
}

// expected is the room to keep for the answer before it is there.
func (v *serve) expected() int {
	if v.kind == KindManifest {
		return min(v.size, typicalManifest)
	}
	return v.size
}

// lane is the requests of one priority, in the order they came into it.
type lane struct {
	priority uint8
	list     []*serve
}

// lanes is requests by priority, the highest first.
type lanes []lane

func (l *lanes) find(priority uint8) (int, bool) {
	return slices.BinarySearchFunc(*l, priority, func(x lane, p uint8) int { return int(p) - int(x.priority) })
}

func (l *lanes) add(v *serve) {
	i, ok := l.find(v.priority)
	if !ok {
		*l = slices.Insert(*l, i, lane{priority: v.priority})
	}
	(*l)[i].list = append((*l)[i].list, v)
}

func (l *lanes) remove(v *serve) {
	i, ok := l.find(v.priority)
	if !ok {
		return
	}
	x := &(*l)[i]
	n := slices.Index(x.list, v)
	if n < 0 {
		return
	}
	x.list = slices.Delete(x.list, n, n+1)
	if len(x.list) == 0 {
		*l = slices.Delete(*l, i, i+1)
	}
}

// first is the request that waits longest in the highest lane, nil for none.
func (l lanes) first() *serve {
	if len(l) == 0 {
		return nil
	}
	return l[0].list[0]
}

// serves is the other side's requests and what has come of them.
type serves struct {
	maxRoom  int
	maxWants int

	last    uint32            // newest request number seen; they ascend
	open    map[uint32]*serve // by request
	waiting lanes             // stage asked
	sending lanes             // stage sending
	room    int               // sum of cost over open
	answers int               // Refuse and Found that wait to be cut: their requests still count as open, as they do for the peer
}

func newServes(c Config) serves {
	return serves{maxRoom: c.MaxServe, maxWants: c.MaxWants, open: map[uint32]*serve{}}
}

// number takes the number of a new request.
func (s *serves) number(request uint32) (fault string) {
	if request <= s.last {
		return fmt.Sprintf("request numbers ascend, the last one was %d", s.last)
	}
	s.last = request
	return ""
}

// admit opens a request, or says that there are too many.
func (s *serves) admit(v *serve) bool {
	if len(s.open)+s.answers >= s.maxWants {
		return false
	}
	s.open[v.request] = v
	if v.stage == asked {
		s.waiting.add(v)
	}
	return true
}

// flooded says whether the peer goes on asking where it must know the limit, and reads none of the refusals.
func (s *serves) flooded() bool { return s.answers >= 2*s.maxWants }

// tell gives the next request to the owner if there is room for its answer. One answer always has room.
func (s *serves) tell() (Requested, bool) {
	v := s.waiting.first()
	if v == nil || s.room > 0 && s.room+v.expected() > s.maxRoom {
		return Requested{}, false
	}
	s.waiting.remove(v)
	v.stage = told
	v.cost = v.expected()
	s.room += v.cost
	return Requested{Request: v.request, Kind: v.kind, Priority: v.priority, ID: v.id, Size: uint32(v.size)}, true
}

// answer takes the bytes for a request.
func (s *serves) answer(v *serve, data []byte) error {
	if len(data) == 0 || len(data) > v.size || v.kind == KindChunk && len(data) != v.size {
		return fmt.Errorf("%w: request %d for a %v of %d bytes, given %d", ErrSize, v.request, v.kind, v.size, len(data))
	}
	s.room += len(data) - v.cost
	v.stage, v.data, v.cost = sending, data, len(data)
	s.sending.add(v)
	return nil
}

// close ends a request.
func (s *serves) close(v *serve) {
	delete(s.open, v.request)
	s.room -= v.cost
	switch v.stage {
	case asked:
		s.waiting.remove(v)
	case sending:
		s.sending.remove(v)
	}
}

// cut appends the next piece, as a message of at most max bytes, to buf. It returns the request, closed if that was
// its last piece, nil if nothing is to be sent, and how many bytes of the message are payload. Of one priority an answer is cut to its end
// before the next is begun: only what is whole can be verified, kept and passed on, and what is begun is lost when a side dies.
func (s *serves) cut(buf []byte, max int) (msg []byte, v *serve, payload int) {
	v = s.sending.first()
	if v == nil {
		return buf, nil, 0
	}
	d := Data{Request: v.request, Offset: uint32(v.offset), Total: uint32(len(v.data))}
	payload = min(len(v.data)-v.offset, max-d.header())
	d.Bytes = v.data[v.offset : v.offset+payload]
	v.offset += payload
	if v.offset == len(v.data) {
		s.close(v)
	}
	return d.Append(buf), v, payload
}

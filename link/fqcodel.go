// SPDX-License-Identifier: Apache-2.0

package link

// fair is the scheduler of RFC 8290: DRR++ over queues that codels manage.
type fair struct {
	flows    []flow
	quantum  int64
	salt     uint64
	new, old round
}

// A flow is one of the queues.
type flow struct {
	list
	codel   codel
	credits int64 // bytes
	turn    turn
	behind  int32 // the flow behind it in its round; none: it is the last
}

// turn is where a flow is.
type turn uint8

const (
	away   turn = iota // in no round, and empty
	newish             // in the round of new flows
	oldish             // in that of old flows
)

// A round is a list of flows.
type round struct{ head, tail int32 }

// fqFlows is how many queues there are: RFC 8290, section 5.2.2, "defaults to 1024".
const fqFlows = 1024

func newFair(c FQCoDel, of Config) *fair {
	f := &fair{
		flows: make([]flow, fqFlows), quantum: int64(orDefault(c.Quantum, 1514)),
		new: round{none, none}, old: round{none, none},
	}
	// "... salted by modulo a random number selected at initialization time, to prevent
	// possible DoS attacks": here so that each seed has other collisions.
	state := of.Seed + purposeFlows
	f.salt = splitmix(&state)
	for i := range f.flows {
		f.flows[i] = flow{list: emptyList, codel: newCoDel(c.codel(), of.MTU)}
	}
	return f
}

// index is that of the queue for a flow's number.
func (f *fair) index(number uint32) int32 {
	state := f.salt ^ uint64(number)
	return int32(splitmix(&state) % fqFlows)
}

func (f *fair) push(r *round, i int32) {
	f.flows[i].behind = none
	if r.tail == none {
		r.head = i
	} else {
		f.flows[r.tail].behind = i
	}
	r.tail = i
}

func (f *fair) pop(r *round) int32 {
	i := r.head
	if r.head = f.flows[i].behind; r.head == none {
		r.tail = none
	}
	return i
}

// woken puts a flow that has got a packet into a round.
//
// RFC 8290, section 4.1: "If the queue is not currently active (i.e., if it is not in
// either the list of new queues or the list of old queues), it is added to the end of the
// list of new queues, and its number of credits is initiated to the configured quantum."
func (f *fair) woken(i int32) {
	if q := &f.flows[i]; q.turn == away {
		q.turn, q.credits = newish, f.quantum
		f.push(&f.new, i)
	}
}

// chooseFair is RFC 8290, section 4.2.
func (b *buffer[T]) chooseFair(now int64) int32 {
	f := b.fair
	for {
		// "The scheduler first looks at the list of new queues".
		r := &f.new
		if r.head == none {
			r = &f.old
		}
		i := r.head
		if i == none {
			return none
		}
		q := &f.flows[i]
		// "If that queue has a negative number of credits (i.e., it has already dequeued at
		// least a quantum of bytes), it is given an additional quantum of credits, the queue is
		// put onto the end of the list of old queues, and the routine selects the next queue and
		// starts again."
		if q.credits <= 0 {
			q.credits += f.quantum
			f.pop(r)
			q.turn = oldish
			f.push(&f.old, i)
			continue
		}
		b.current = &q.list
		q.codel.choose(now, b)
		if q.packets > 0 {
			slot := b.take(&q.list)
			q.credits -= b.wire(slot)
			return slot
		}
		// An empty new queue goes behind the old ones, so that it does not come back as a new
		// one before they have had their turn; an empty old one leaves.
		f.pop(r)
		if q.turn == newish && f.old.head != none {
			q.turn = oldish
			f.push(&f.old, i)
			continue
		}
		q.turn = away
	}
}

// relieve makes room by dropping from the head of the fattest queue: half of it, at most 64
// packets, as RFC 8290, section 4.1, has it, so that the search for it is rare.
func (b *buffer[T]) relieve() {
	fat := &b.fair.flows[0]
	for i := range b.fair.flows {
		if b.fair.flows[i].bytes > fat.bytes {
			fat = &b.fair.flows[i]
		}
	}
	half := fat.bytes / 2
	for n := 0; n < 64 && fat.packets > 0; n++ {
		b.discard(&fat.list, DroppedBuffer)
		if fat.bytes <= half {
			return
		}
	}
}

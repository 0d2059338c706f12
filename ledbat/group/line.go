// SPDX-License-Identifier: Apache-2.0

package group

// A line is shares that stand one behind the other. Each share brings its own places, so that nothing is allocated and anybody
// can leave from the middle at once.
type line struct {
	first, last *place
	size        int
}

// A place is a share's in at most one line.
type place struct {
	share      *Share
	in         *line
	prev, next *place
}

// join goes to the end; who stands in a line leaves it first.
func (l *line) join(p *place) {
	p.leave()
	p.in, p.prev, p.next = l, l.last, nil
	if l.last != nil {
		l.last.next = p
	} else {
		l.first = p
	}
	l.last = p
	l.size++
}

// leave does nothing for who stands in no line.
func (p *place) leave() {
	l := p.in
	if l == nil {
		return
	}
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		l.first = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	} else {
		l.last = p.prev
	}
	l.size--
	p.in, p.prev, p.next = nil, nil, nil
}

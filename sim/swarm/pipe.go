// SPDX-License-Identifier: Apache-2.0

package swarm

import "math"

// pipe is one direction of a link.
type pipe struct {
	capacity float64 // bytes per second
	streams  []*stream
	dirty    bool

	// While rates are worked out:
	seen  int // by which round
	left  float64
	count int
}

// stream is what one host sends another.
type stream struct {
	from, to *host
	pipes    []*pipe
	jobs     []*job
	wan      bool // it crosses WAN links
	cut      bool // it stands still
	on       bool // it is in its pipes
	rate     float64
	moved    tick // up to when bytes are accounted
	version  int  // of the rate: a completion planned with another one is void
	seen     int
	fixed    bool
	ticking  bool
}

// job is the answer to one request.
type job struct {
	stream *stream
	fetch  uint64
	item   serveItem
	got    float64
	told   int64
}

// fluid works out the rates.
type fluid struct {
	dirty []*pipe
	round int
	pipes []*pipe
	group []*stream
}

func (f *fluid) touch(p *pipe) {
	if !p.dirty {
		p.dirty = true
		f.dirty = append(f.dirty, p)
	}
}

// enter puts a stream into its pipes; leave takes it out.
func (f *fluid) enter(s *stream) {
	s.on = true
	for _, p := range s.pipes {
		p.streams = append(p.streams, s)
		f.touch(p)
	}
}

func (f *fluid) leave(s *stream) {
	s.on, s.rate = false, 0
	s.version++
	for _, p := range s.pipes {
		for i, x := range p.streams {
			if x == s {
				last := len(p.streams) - 1
				p.streams[i] = p.streams[last]
				p.streams = p.streams[:last]
				break
			}
		}
		f.touch(p)
	}
}

// settle gives every stream that hangs together with a changed pipe its max-min fair rate, and calls moved before a
// rate changes and changed after.
func (f *fluid) settle(moved, changed func(*stream)) {
	for _, start := range f.dirty {
		if !start.dirty {
			continue
		}
		f.gather(start)
		f.fill(moved, changed)
	}
	f.dirty = f.dirty[:0]
}

// gather finds all that hangs together with a pipe.
func (f *fluid) gather(start *pipe) {
	f.round++
	f.pipes, f.group = append(f.pipes[:0], start), f.group[:0]
	start.seen = f.round
	for i := 0; i < len(f.pipes); i++ {
		p := f.pipes[i]
		p.dirty = false
		p.left, p.count = p.capacity, len(p.streams)
		for _, s := range p.streams {
			if s.seen == f.round {
				continue
			}
			s.seen, s.fixed = f.round, false
			f.group = append(f.group, s)
			for _, q := range s.pipes {
				if q.seen != f.round {
					q.seen = f.round
					f.pipes = append(f.pipes, q)
				}
			}
		}
	}
}

// fill is progressive filling: the pipe with the least left for each of its streams fixes their rates first.
func (f *fluid) fill(moved, changed func(*stream)) {
	for open := len(f.group); open > 0; {
		var tight *pipe
		share := math.Inf(1)
		for _, p := range f.pipes {
			if p.count > 0 && p.left/float64(p.count) < share {
				tight, share = p, p.left/float64(p.count)
			}
		}
		for _, s := range tight.streams {
			if s.fixed {
				continue
			}
			s.fixed = true
			open--
			for _, p := range s.pipes {
				p.left = max(p.left-share, 0)
				p.count--
			}
			if s.rate != share {
				moved(s)
				s.rate = share
				s.version++
				changed(s)
			}
		}
	}
}

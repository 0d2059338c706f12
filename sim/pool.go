// SPDX-License-Identifier: Apache-2.0

package sim

// A pool lends packets, so that they are not copied from link to link.
type pool struct {
	idle []*Packet
}

// poolGrows is how many packets are made at a time.
const poolGrows = 64

// fresh is a packet with nothing in it.
func (o *pool) fresh() *Packet {
	if len(o.idle) == 0 {
		more := make([]Packet, poolGrows)
		for i := range more {
			o.idle = append(o.idle, &more[i])
		}
	}
	last := len(o.idle) - 1
	p := o.idle[last]
	o.idle = o.idle[:last]
	return p
}

// free takes a packet back. What is lost inside a link does not come back: the collector has it.
func (o *pool) free(p *Packet) {
	*p = Packet{}
	o.idle = append(o.idle, p)
}

// frame is an empty byte string, of those that were used before if there is one.
func (w *World) frame() *[]byte {
	if n := len(w.frames); n > 0 {
		b := w.frames[n-1]
		w.frames = w.frames[:n-1]
		*b = (*b)[:0]
		return b
	}
	b := make([]byte, 0, 128)
	return &b
}

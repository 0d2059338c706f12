// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/transfer"
	"github.com/ebbproject/ebb/transfer/seal"
)

// Seal seals datagrams of that many bytes and opens them again.
func Seal(bytes int64, datagram int) (Cost, error) {
	secret := make([]byte, seal.SecretSize)
	sealer, _, err := seal.Derive(secret, true)
	if err != nil {
		return Cost{}, err
	}
	_, opener, err := seal.Derive(secret, false)
	if err != nil {
		return Cost{}, err
	}
	buf := make([]byte, datagram)
	plain := datagram - seal.Overhead
	count := bytes/int64(plain) + 1
	return measure(count*int64(plain), func() error {
		for i := range count {
			sealed, err := sealer.Seal(buf[:seal.HeaderSize+plain], seal.Header{Connection: 1, Sequence: uint64(i)})
			if err != nil {
				return err
			}
			if _, _, err := opener.Open(sealed); err != nil {
				return err
			}
		}
		return nil
	})
}

// Session moves chunks through two sessions in messages of that many bytes: asked, served, cut, parsed, put together.
func Session(bytes int64, message int) (Cost, error) {
	now := time.Now()
	c := transfer.DefaultConfig()
	ask, give := transfer.New(now, c), transfer.New(now, c)
	x := exchange{now: now, ask: ask, give: give, message: message, chunk: make([]byte, content.AvgChunk), buf: make([]byte, 0, message)}
	if err := x.turn(); err != nil { // hello
		return Cost{}, err
	}
	count := bytes/content.AvgChunk + 1
	return measure(count*content.AvgChunk, func() error {
		for x.done < count {
			if _, err := ask.Want(now, transfer.WantSpec{Kind: transfer.KindChunk, ID: content.ID{1}, Size: len(x.chunk)}); err != nil {
				return err
			}
			before := x.done
			if err := x.turn(); err != nil {
				return err
			}
			if x.done == before {
				return fmt.Errorf("a chunk did not come: %v; %v", ask, give)
			}
		}
		return nil
	})
}

// exchange is two sessions without a carrier.
type exchange struct {
	now       time.Time
	ask, give *transfer.Session
	message   int
	chunk     []byte // every answer
	buf       []byte
	done      int64 // chunks received
}

// turn lets both talk until neither has anything to say.
func (x *exchange) turn() error {
	for {
		a, err := x.say(x.ask, x.give)
		if err != nil {
			return err
		}
		b, err := x.say(x.give, x.ask)
		if err != nil {
			return err
		}
		if !a && !b {
			return nil
		}
	}
}

// say carries all that one session has to say to the other.
func (x *exchange) say(from, to *transfer.Session) (spoken bool, err error) {
	for {
		m, _, ok := from.Next(x.now, x.buf[:0], x.message)
		if !ok {
			return spoken, nil
		}
		spoken = true
		if err := to.Deliver(x.now, m); err != nil {
			return spoken, err
		}
		if err := x.obey(to); err != nil {
			return spoken, err
		}
	}
}

func (x *exchange) obey(s *transfer.Session) error {
	for e, ok := s.Take(); ok; e, ok = s.Take() {
		switch e := e.(type) {
		case transfer.Requested:
			if err := s.Serve(x.now, e.Request, x.chunk); err != nil {
				return err
			}
		case transfer.Received:
			x.done++
			s.Recycle(e.Data)
		}
	}
	return nil
}

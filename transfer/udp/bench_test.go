// SPDX-License-Identifier: Apache-2.0

//go:build unix

package udp_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/ebbproject/ebb/transfer/seal"
	"github.com/ebbproject/ebb/transfer/udp"
)

// underWay is how many batches may be on their way at once: less than the smallest buffer holds, so that none is lost.
const underWay = 8

// A stream is one sender, one receiver and the way between them, over loopback.
type stream struct {
	from, to *udp.Conn
	segment  int // bytes of a datagram, sealing included
	count    int // datagrams of a batch
	sealer   *seal.Sealer
	opener   *seal.Opener
}

func newStream(b *testing.B, size int, sealed bool) *stream {
	s := &stream{from: listen(b, udp.Config{Address: loopback4}), to: listen(b, udp.Config{Address: loopback4}), segment: size}
	s.count = min(64, 65000/size)
	if sealed {
		secret := bytes.Repeat([]byte{1}, seal.SecretSize)
		var err, err2 error
		s.sealer, _, err = seal.Derive(secret, true)
		_, s.opener, err2 = seal.Derive(secret, false)
		if err := errors.Join(err, err2); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// receive takes datagrams until the socket closes, and gives back a token for each whole batch.
func (s *stream) receive(b *testing.B, tokens chan<- struct{}) {
	got := 0
	for {
		messages, err := s.to.ReadBatch()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		for _, m := range messages {
			if s.opener != nil {
				if _, _, err := s.opener.Open(m.Data); err != nil {
					b.Error(err)
				}
			}
			if got++; got == s.count {
				got = 0
				tokens <- struct{}{}
			}
		}
	}
}

// fill seals a batch's datagrams in place, the first of them numbered sequence.
func (s *stream) fill(b *testing.B, batch []byte, sequence uint64) {
	for i := range s.count {
		d := batch[i*s.segment : (i+1)*s.segment-seal.TagSize]
		if _, err := s.sealer.Seal(d, seal.Header{Connection: 1, Sequence: sequence + uint64(i)}); err != nil {
			b.Fatal(err)
		}
	}
}

func (s *stream) run(b *testing.B) {
	tokens := make(chan struct{}, underWay)
	for range underWay {
		tokens <- struct{}{}
	}
	done := make(chan struct{})
	go func() { defer close(done); s.receive(b, tokens) }()
	batch := make([]byte, s.count*s.segment)
	var sequence uint64
	b.SetBytes(int64(len(batch)))
	b.ReportAllocs()
	before, start := cpu(), time.Now()
	for b.Loop() {
		<-tokens
		if s.sealer != nil {
			s.fill(b, batch, sequence)
			sequence += uint64(s.count)
		}
		if err := s.from.WriteBatch(s.to.LocalAddr(), batch, s.segment); err != nil {
			b.Fatal(err)
		}
	}
	for range underWay {
		<-tokens
	}
	total := float64(b.N) * float64(len(batch))
	b.ReportMetric((cpu()-before).Seconds()/total*1e9, "cpu-s/GB")
	b.ReportMetric(total*8/1e9/time.Since(start).Seconds(), "Gbit/s")
	_ = s.to.Close()
	<-done
}

// cpu is what this process has used so far, both ends and the kernel's work for them.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkStream(b *testing.B) {
	for _, sealed := range []bool{false, true} {
		for _, cut := range []bool{true, false} {
			for _, size := range []int{1400, 8000} {
				b.Run(fmt.Sprintf("sealed=%t/offload=%t/%d", sealed, cut, size), func(b *testing.B) {
					s := newStream(b, size, sealed)
					if !cut {
						for _, c := range []*udp.Conn{s.from, s.to} {
							if err := withoutOffload(c); err != nil {
								b.Fatal(err)
							}
						}
					}
					s.run(b)
				})
			}
		}
	}
}

// withoutOffload makes a Conn read and write datagrams one by one; where it always does there is nothing to make.
func withoutOffload(c any) error {
	if c, ok := c.(interface{ WithoutOffload() error }); ok {
		return c.WithoutOffload()
	}
	return nil
}

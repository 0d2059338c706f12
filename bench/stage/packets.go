// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/sctp"
)

const (
	sctpBuffer = 8 << 20 // bytes; as the carrier has it
	sctpQueue  = 4 << 20 // bytes handed over and not acknowledged
)

// SCTP moves messages of that many bytes through pion/sctp between two ends that are joined in memory, in packets of that many bytes.
func SCTP(bytes int64, message, packet int) (Cost, error) {
	near, far := wires()
	client, server, err := associate(near, far, uint32(packet))
	if err != nil {
		return Cost{}, err
	}
	defer func() { _, _ = client.Close(), server.Close() }()
	stream, err := client.OpenStream(1, sctp.PayloadTypeWebRTCBinary)
	if err != nil {
		return Cost{}, fmt.Errorf("open an SCTP stream: %w", err)
	}
	stream.SetReliabilityParams(true, sctp.ReliabilityTypeReliable, 0)
	count := bytes/int64(message) + 1
	return measure(count*int64(message), func() error {
		sent := make(chan error, 1)
		go func() { sent <- send(stream, count, message) }()
		received, err := server.AcceptStream()
		if err != nil {
			return fmt.Errorf("accept an SCTP stream: %w", err)
		}
		buf := make([]byte, message)
		for range count {
			if _, err := received.Read(buf); err != nil {
				return fmt.Errorf("receive by SCTP: %w", err)
			}
		}
		return <-sent
	})
}

func send(s *sctp.Stream, count int64, message int) error {
	room := make(chan struct{}, 1)
	s.SetBufferedAmountLowThreshold(sctpQueue / 2)
	s.OnBufferedAmountLow(func() {
		select {
		case room <- struct{}{}:
		default:
		}
	})
	buf := make([]byte, message)
	for range count {
		if _, err := s.Write(buf); err != nil {
			return fmt.Errorf("send by SCTP: %w", err)
		}
		if s.BufferedAmount() > sctpQueue {
			<-room
		}
	}
	return nil
}

func associate(near, far net.Conn, mtu uint32) (client, server *sctp.Association, err error) {
	options := func(c net.Conn) []sctp.ClientOption {
		return []sctp.ClientOption{sctp.WithNetConn(c), sctp.WithMTU(mtu), sctp.WithMaxReceiveBufferSize(sctpBuffer), sctp.WithMinCwnd(sctpBuffer),
			sctp.WithEnableZeroChecksum(true), sctp.WithLoggerFactory(logging.NewDefaultLoggerFactory())}
	}
	accepted := make(chan error, 1)
	go func() {
		var err error
		server, err = sctp.ClientWithOptions(options(far)...) // both may begin: RFC 9260, section 5.2.1
		accepted <- err
	}()
	client, err = sctp.ClientWithOptions(options(near)...)
	if err := errors.Join(err, <-accepted); err != nil {
		return nil, nil, fmt.Errorf("open an SCTP association in memory: %w", err)
	}
	return client, server, nil
}

// wire is one end of a lossless path in memory that holds a bounded number of packets.
type wire struct {
	in, out chan []byte
	spare   *sync.Pool
	closed  chan struct{} // of both ends
	once    *sync.Once
}

func wires() (near, far *wire) {
	a, b := make(chan []byte, 1024), make(chan []byte, 1024)
	closed, once := make(chan struct{}), new(sync.Once)
	spare := &sync.Pool{New: func() any { return new([1 << 16]byte) }}
	return &wire{a, b, spare, closed, once}, &wire{b, a, spare, closed, once}
}

func (w *wire) Read(b []byte) (int, error) {
	select {
	case p := <-w.in:
		n := copy(b, p)
		w.spare.Put((*[1 << 16]byte)(p[:1<<16]))
		return n, nil
	case <-w.closed:
		return 0, io.EOF
	}
}

func (w *wire) Write(b []byte) (int, error) {
	p := w.spare.Get().(*[1 << 16]byte)
	select {
	case w.out <- p[:copy(p[:], b)]:
		return len(b), nil
	case <-w.closed:
		return 0, net.ErrClosed
	}
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

func (w *wire) LocalAddr() net.Addr              { return &net.UDPAddr{} }
func (w *wire) RemoteAddr() net.Addr             { return &net.UDPAddr{} }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

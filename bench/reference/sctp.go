// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/pion/logging"
	"github.com/pion/sctp"
)

const (
	sctpPacket  = 1400     // bytes of UDP payload, what most paths take
	sctpReceive = 8 << 20  // bytes; the default of 1 MiB is made for data channels of browsers
	sctpMessage = 64 << 10 // bytes
	sctpQueue   = 4 << 20  // bytes handed over and not acknowledged
	udpBuffer   = 4 << 20  // bytes
)

// SCTP moves bytes over one association of pion/sctp over UDP, without encryption, one datagram a system call, under its own
// congestion control. 1400-byte packets, messages of 64 KiB in order.
func SCTP(bytes int64) (Result, error) {
	near, far, err := udpPair()
	if err != nil {
		return Result{}, err
	}
	client, server, err := associate(near, far)
	if err != nil {
		return Result{}, errors.Join(err, near.Close(), far.Close())
	}
	defer func() { _, _ = client.Close(), server.Close() }()
	sender, err := client.OpenStream(1, sctp.PayloadTypeWebRTCBinary)
	if err != nil {
		return Result{}, fmt.Errorf("open an SCTP stream: %w", err)
	}
	return measure(bytes, func() error {
		sent := make(chan error, 1)
		go func() { sent <- sendMessages(sender, bytes) }()
		receiver, err := server.AcceptStream()
		if err != nil {
			return fmt.Errorf("accept an SCTP stream: %w", err)
		}
		if err := receiveMessages(receiver, bytes); err != nil {
			return err
		}
		return <-sent
	})
}

// datagrams is a socket that talks to one peer.
type datagrams struct {
	*net.UDPConn
	peer netip.AddrPort
}

func (d *datagrams) Read(b []byte) (int, error) {
	n, _, err := d.ReadFromUDPAddrPort(b)
	return n, err
}

func (d *datagrams) Write(b []byte) (int, error) { return d.WriteToUDPAddrPort(b, d.peer) }

// udpPair is two sockets that talk to each other.
func udpPair() (near, far *datagrams, err error) {
	if near, err = openUDP(); err != nil {
		return nil, nil, err
	}
	if far, err = openUDP(); err != nil {
		return nil, nil, errors.Join(err, near.Close())
	}
	near.peer, far.peer = far.address(), near.address()
	return near, far, nil
}

func (d *datagrams) address() netip.AddrPort { return d.LocalAddr().(*net.UDPAddr).AddrPort() }

func openUDP() (*datagrams, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("open a UDP socket on loopback: %w", err)
	}
	if err := errors.Join(conn.SetReadBuffer(udpBuffer), conn.SetWriteBuffer(udpBuffer)); err != nil {
		return nil, errors.Join(fmt.Errorf("set the buffers of a UDP socket: %w", err), conn.Close())
	}
	return &datagrams{UDPConn: conn}, nil
}

// associate opens an association between two sockets, which belong to it from then on.
func associate(near, far net.Conn) (client, server *sctp.Association, err error) {
	both := []sctp.AssociationOption{
		sctp.WithMTU(sctpPacket), sctp.WithMaxReceiveBufferSize(sctpReceive), sctp.WithMaxMessageSize(sctpMessage),
		sctp.WithEnableZeroChecksum(true), sctp.WithLoggerFactory(logging.NewDefaultLoggerFactory()),
	}
	var here []sctp.ClientOption
	var there []sctp.ServerOption
	for _, o := range both {
		here, there = append(here, o), append(there, o)
	}
	here, there = append(here, sctp.WithNetConn(near)), append(there, sctp.WithNetConn(far))
	accepted := make(chan error, 1)
	go func() {
		var err error
		server, err = sctp.ServerWithOptions(there...)
		accepted <- err
	}()
	client, err = sctp.ClientWithOptions(here...)
	if err != nil {
		_, _ = near.Close(), far.Close() // so that the other end gives up as well
	}
	if err := errors.Join(err, <-accepted); err != nil {
		return nil, nil, fmt.Errorf("open an SCTP association over loopback: %w", err)
	}
	return client, server, nil
}

// sendMessages writes messages while no more than sctpQueue bytes wait.
func sendMessages(s *sctp.Stream, bytes int64) error {
	room := make(chan struct{}, 1)
	s.SetBufferedAmountLowThreshold(sctpQueue / 2)
	s.OnBufferedAmountLow(func() {
		select {
		case room <- struct{}{}:
		default:
		}
	})
	buffer := make([]byte, sctpMessage)
	for left := bytes; left > 0; {
		n, err := s.Write(buffer[:min(left, sctpMessage)])
		if err != nil {
			return fmt.Errorf("send by SCTP with %d of %d bytes left: %w", left, bytes, err)
		}
		left -= int64(n)
		if s.BufferedAmount() > sctpQueue {
			<-room
		}
	}
	return nil
}

func receiveMessages(s *sctp.Stream, bytes int64) error {
	buffer := make([]byte, sctpMessage)
	for left := bytes; left > 0; {
		n, err := s.Read(buffer)
		if err != nil {
			return fmt.Errorf("receive by SCTP with %d of %d bytes missing: %w", left, bytes, err)
		}
		left -= int64(n)
	}
	return nil
}

// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/transfer/carrier"
	"github.com/ebbproject/ebb/transfer/udp"
)

// Carried is what the carrier did with the path.
type Carried struct {
	Cost
	Datagram int // bytes of the largest datagrams
	Message  int // bytes of the messages at the end
	Lost     uint64
}

const handshakeLimit = 30 * time.Second

// Carrier moves messages between two endpoints over loopback: SCTP, shim, sealing and system calls, both ends.
func Carrier(ctx context.Context, bytes int64) (c Carried, err error) {
	a, err := newAuthority()
	if err != nil {
		return c, err
	}
	near, err := endpoint(a)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, near.Close()) }()
	far, err := endpoint(a)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, far.Close()) }()
	shaking, cancel := context.WithTimeout(ctx, handshakeLimit)
	defer cancel()
	from, err := near.Dial(shaking, far.Addr())
	if err != nil {
		return c, err
	}
	to, err := far.Accept(shaking)
	if err != nil {
		return c, err
	}
	c.Cost, err = measure(bytes, func() error {
		sent := make(chan error, 1)
		go func() { sent <- sendAll(ctx, from, bytes) }()
		for got := int64(0); got < bytes; {
			m, err := to.Receive(ctx)
			if err != nil {
				return fmt.Errorf("receive with %d of %d bytes missing: %w", bytes-got, bytes, err)
			}
			got += int64(len(m))
		}
		return <-sent
	})
	s := from.Stats()
	c.Datagram, c.Message, c.Lost = s.MTU, from.Grain(), uint64(s.Lost)
	return c, err
}

func endpoint(a *authority) (*carrier.Endpoint, error) {
	n, err := a.admit("", fleet.RoleAgent, "bench")
	if err != nil {
		return nil, err
	}
	s, err := udp.Listen(udp.Config{Address: loopback, TrafficClass: udp.LowEffort | udp.ECT0})
	if err != nil {
		return nil, err
	}
	return carrier.Listen(carrier.Config{Socket: s, Certificate: n.Certificate, Roots: n.Roots})
}

func sendAll(ctx context.Context, c *carrier.Conn, bytes int64) error {
	buf := make([]byte, carrier.MaxMessage)
	for left := bytes; left > 0; {
		if c.Budget() == 0 {
			select {
			case <-c.Ready():
				continue
			case <-c.Done():
				return c.Err()
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		n := min(int64(c.Grain()), left)
		if err := c.Send(buf[:n], true); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

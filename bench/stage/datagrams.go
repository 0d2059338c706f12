// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"errors"
	"net"
	"net/netip"

	"github.com/ebbproject/ebb/transfer/udp"
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// Datagrams sends datagrams of that many bytes over loopback, cut and joined by the kernel where it can, and reads them.
func Datagrams(bytes int64, datagram int) (c Cost, err error) {
	from, err := udp.Listen(udp.Config{Address: loopback})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := udp.Listen(udp.Config{Address: loopback})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	const atOnce = 64000 // bytes: what the kernel cuts in one call
	batch := make([]byte, max(atOnce/datagram, 1)*datagram)
	credit := make(chan struct{}, 2) // batches under way: less than the smallest buffer a kernel gives
	failed, ended := make(chan error, 1), make(chan struct{})
	count := int(bytes/int64(len(batch))) + 1
	return measure(int64(count)*int64(len(batch)), func() error {
		go func() {
			for range count {
				select {
				case credit <- struct{}{}:
				case <-ended:
					failed <- nil
					return
				}
				if err := from.WriteBatch(to.LocalAddr(), batch, datagram); err != nil {
					failed <- errors.Join(err, to.Close()) // wakes the reader
					return
				}
			}
			failed <- nil
		}()
		err := receiveBatches(to, int64(len(batch)), int64(count), credit)
		close(ended)
		if errors.Is(err, net.ErrClosed) {
			err = nil // the sender says why
		}
		return errors.Join(err, <-failed)
	})
}

// receiveBatches gives back a credit for each batch that has arrived.
func receiveBatches(s *udp.Conn, batch, count int64, credit <-chan struct{}) error {
	var got, given int64
	for got < batch*count {
		messages, err := s.ReadBatch()
		if err != nil {
			return err
		}
		for _, m := range messages {
			got += int64(len(m.Data))
		}
		for ; given < got/batch; given++ {
			<-credit
		}
	}
	return nil
}

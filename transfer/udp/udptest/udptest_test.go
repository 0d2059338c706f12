// SPDX-License-Identifier: Apache-2.0

package udptest_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/link/linktest"
	"github.com/ebbproject/ebb/transfer/udp"
	"github.com/ebbproject/ebb/transfer/udp/udptest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func peers(t *testing.T, a, b udp.Socket) (udptest.Peer, udptest.Peer) {
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return udptest.Peer{Socket: a, Address: a.LocalAddr()}, udptest.Peer{Socket: b, Address: b.LocalAddr()}
}

func TestPairConforms(t *testing.T) {
	udptest.Conformance(t, func(t *testing.T) (udptest.Peer, udptest.Peer) {
		a, b := udptest.Pair()
		return peers(t, a, b)
	})
}

func TestOverALinkConforms(t *testing.T) {
	udptest.Conformance(t, func(t *testing.T) (udptest.Peer, udptest.Peer) {
		a, b := linktest.Pair(link.Config{}, link.Config{})
		return peers(t, udptest.Over(a, 0), udptest.Over(b, 0))
	})
}

func TestVirtualTimePassesWhileAReaderWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := udptest.Pair()
		start := time.Now()
		go func() {
			time.Sleep(time.Hour)
			if err := a.WriteBatch(b.LocalAddr(), []byte("late"), 10); err != nil {
				t.Error(err)
			}
		}()
		got, err := b.ReadBatch()
		if err != nil || len(got) != 1 || string(got[0].Data) != "late" || got[0].From != a.LocalAddr() {
			t.Errorf("%+v, %v", got, err)
		}
		if waited := time.Since(start); waited != time.Hour {
			t.Errorf("waited %s, want 1h", waited)
		}
		_, _ = a.Close(), b.Close()
		if _, err := b.ReadBatch(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read after close: %v", err)
		}
	})
}

func TestPathWithASmallMTU(t *testing.T) {
	a, b := linktest.Pair(link.Config{}, link.Config{})
	small, _ := peers(t, udptest.Over(a, 1400), udptest.Over(b, 0))
	if err := small.Socket.WriteBatch(b.LocalAddr(), make([]byte, 2800), 1400); err != nil {
		t.Error(err)
	}
	err := small.Socket.WriteBatch(b.LocalAddr(), make([]byte, 2802), 1401)
	if big, ok := errors.AsType[*udp.TooBigError](err); !ok || big.Size != 1401 {
		t.Errorf("1401 bytes where 1400 pass: %v", err)
	}
}

func TestStrangersAreNotReached(t *testing.T) {
	a, b := udptest.Pair()
	near, far := peers(t, a, b)
	if err := near.Socket.WriteBatch(netip.MustParseAddrPort("203.0.113.9:9"), []byte("lost"), 10); err != nil {
		t.Error(err)
	}
	if err := near.Socket.WriteBatch(far.Address, []byte("kept"), 10); err != nil {
		t.Error(err)
	}
	if got, err := far.Socket.ReadBatch(); err != nil || string(got[0].Data) != "kept" {
		t.Errorf("%+v, %v", got, err)
	}
}

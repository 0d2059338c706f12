// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Whoever has no certificate yet may try this often: the first few at once, then one a second.
const (
	tryEvery = time.Second
	tryBurst = 20
)

// maxLimited bounds the networks remembered; beyond it all are forgotten, which costs an attacker more than us.
const maxLimited = 4096

// limiter bounds how often one host may try. One host is one IPv4 address or one IPv6 network of 64 bits.
type limiter struct {
	mu sync.Mutex
	by map[netip.Prefix]*rate.Limiter
}

func newLimiter() *limiter { return &limiter{by: map[netip.Prefix]*rate.Limiter{}} }

// allows reports whether the address may try now. Loopback always may: it is the operator's own machine.
func (l *limiter) allows(now time.Time, remote string) bool {
	from, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	addr, bits := from.Addr().Unmap().WithZone(""), 64
	if addr.IsLoopback() {
		return true
	}
	if addr.Is4() {
		bits = 32
	}
	network := netip.PrefixFrom(addr, bits).Masked()
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.by[network]
	if x == nil {
		if len(l.by) >= maxLimited {
			clear(l.by)
		}
		x = rate.NewLimiter(rate.Every(tryEvery), tryBurst)
		l.by[network] = x
	}
	return x.AllowN(now, 1)
}

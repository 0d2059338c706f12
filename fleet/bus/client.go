// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
)

// Options of a host's side. All are required.
type Options struct {
	Self  func() *node.Node
	Bus   fleet.Bus
	Heard func(raw []byte) // a document; raw is the callee's
	Up    func()           // the bus is there, for the first time or again: something may have been missed
	Log   *slog.Logger
}

const flushTimeout = 5 * time.Second

// Host is a host's side of a bus. Whoever joined it owns it.
type Host struct {
	conn    *nats.Conn
	o       Options
	version string
	servers string              // that it is of, and how one is let in
	key     atomic.Pointer[key] // nil: nothing is sealed
}

// key is what pushes are sealed under.
type key struct {
	octets []byte
	failed atomic.Bool // something came that is not
}

// Join hears what is for a host. It returns at once, and goes on trying while there is no bus. The error is one of the addresses.
func Join(o Options) (*Host, error) {
	urls := o.Bus.URLs
	listening := make(chan struct{})
	up := func(c *nats.Conn) { // when the server knows what we want to hear, or what comes before would be missed unnoticed
		<-listening
		if err := c.FlushTimeout(flushTimeout); err != nil {
			o.Log.Debug("the bus does not answer", "err", err)
		}
		o.Up()
	}
	opts := append(lasting(o.Log), nats.ConnectHandler(up), nats.ReconnectHandler(up))
	switch {
	case len(urls) == 0:
		return nil, ErrURL
	case o.Bus.Own:
		urls = reachable(urls, o.Self().HubAddr)
		opts = append(opts, nats.Secure(fleetTLS(o.Self)))
	default:
		more, err := options(o.Self, o.Bus)
		if err != nil {
			return nil, err
		}
		opts = append(opts, more...)
	}
	conn, err := nats.Connect(join(urls), opts...)
	if err != nil {
		return nil, err
	}
	defer close(listening)
	h := &Host{conn: conn, o: o, servers: servers(o.Bus)}
	h.turn(o.Bus)
	for _, subject := range Subjects(o.Self().Identity) {
		if _, err := conn.Subscribe(subject, h.heard); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return h, nil
}

// heard hands a document on. The first one that cannot be opened says that the hub has turned to another key, which it tells who asks: this one
// and what went before may have been missed.
func (h *Host) heard(m *nats.Msg) {
	k := h.key.Load()
	if k == nil {
		h.o.Heard(slices.Clone(m.Data))
		return
	}
	raw, err := opened(k.octets, m.Subject, m.Data)
	switch {
	case err == nil:
		h.o.Heard(raw)
	case !k.failed.Swap(true): // once, whatever else anybody says there
		h.o.Up()
	}
}

// Follows reports whether a host stays on its bus by what the hub tells of it now: nothing has changed, or the key has, which it takes.
func (h *Host) Follows(b fleet.Bus) bool {
	if b.Version != h.version && servers(b) != h.servers {
		return false
	}
	if b.Version != h.version {
		h.turn(b)
	}
	return true
}

func (h *Host) turn(b fleet.Bus) {
	h.version = b.Version
	if len(b.Key) > 0 {
		h.key.Store(&key{octets: b.Key})
	}
}

// servers tells one bus from another, whatever is sealed there under which key.
func servers(b fleet.Bus) string {
	b.Key = nil
	return versioned(b).Version
}

// Version is that of the bus; empty: of none.
func (h *Host) Version() string {
	if h == nil {
		return ""
	}
	return h.version
}

// Connected reports whether the bus is there.
func (h *Host) Connected() bool { return h.conn.IsConnected() }

// Close leaves the bus.
func (h *Host) Close() { h.conn.Close() }

func join(urls []string) string { return strings.Join(urls, ",") }

// lasting never gives up, also where it is not let in, and never comes at once with all others. Servers that others tell of are not
// believed.
func lasting(log *slog.Logger) []nats.Option {
	return []nats.Option{nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true), nats.IgnoreDiscoveredServers(), nats.IgnoreAuthErrorAbort(), nats.NoEcho(),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(pingsMissed), nats.Timeout(5 * time.Second), nats.ReconnectJitter(0, 0),
		nats.ReconnectWait(0), nats.CustomReconnectDelay(delay), nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { log.Debug("the bus is gone", "err", err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Debug("the bus", "err", err) })}
}

// delay before the next round of attempts.
func delay(rounds int) time.Duration {
	if rounds <= 1 {
		return rand.N(10 * time.Second)
	}
	return 5*time.Second + rand.N(25*time.Second)
}

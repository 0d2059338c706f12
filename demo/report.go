// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/ebbproject/ebb/agent/client"
)

// Report is what `ebb demo --json` prints.
type Report struct {
	Content   string           `json:"content"`
	Bytes     int64            `json:"bytes"` // of the content
	Locations []LocationReport `json:"locations"`
	Endpoints int              `json:"endpoints"`
	Verified  int              `json:"verified"` // endpoints whose copy equals the source
	Seconds   float64          `json:"seconds"`  // from the first request to the last copy
	// Refetched is what was sent to the killed endpoint beyond the size of the content: what was in flight when it died,
	// and the end game. Counted by the senders. Null when none was killed.
	Refetched *int64 `json:"refetched_bytes"`
	Killed    string `json:"killed_peer,omitempty"`
	HubSent   int64  `json:"hub_sent_bytes"` // chunk bytes that the hub served
}

// LocationReport is one location. WAN bytes are UDP payload on the emulated link, everything included: chunks,
// retransmissions, acknowledgements, handshakes.
type LocationReport struct {
	Name          string           `json:"name"`
	WAN           int64            `json:"wan_bytes"` // down the link
	WANUp         int64            `json:"wan_up_bytes"`
	Amplification float64          `json:"wan_amplification"` // wan_bytes / bytes of the content
	Endpoints     []EndpointReport `json:"endpoints"`
}

// EndpointReport is one endpoint.
type EndpointReport struct {
	Peer     string  `json:"peer"`
	Verified bool    `json:"verified"`
	Problem  string  `json:"problem,omitempty"`
	Seconds  float64 `json:"seconds"`
	LAN      int64   `json:"lan_bytes"`
	WAN      int64   `json:"wan_bytes"`
	Origin   int64   `json:"origin_bytes"`
	Killed   bool    `json:"killed"`
}

// ErrNotVerified: some copy differs from the source.
var ErrNotVerified = errors.New("not every copy equals the source")

func (f *fleet) report(ctx context.Context) (*Report, error) {
	r := &Report{Content: f.content, Bytes: f.size}
	for _, s := range f.sites {
		st := s.relay.Stats()
		l := LocationReport{Name: s.name, WAN: int64(st.DownBytes), WANUp: int64(st.UpBytes)}
		if f.size > 0 {
			l.Amplification = float64(st.DownBytes) / float64(f.size)
		}
		for _, e := range s.ends {
			x := EndpointReport{Peer: e.peer, Verified: e.err == nil, LAN: e.flow.From.LAN, WAN: e.flow.From.WAN, Origin: e.flow.From.Origin,
				Seconds: e.flow.Finished.Sub(f.started).Seconds(), Killed: e.killed}
			if e.err != nil {
				x.Problem = e.err.Error()
			} else {
				r.Verified++
			}
			r.Endpoints++
			r.Seconds = max(r.Seconds, x.Seconds)
			if e.killed {
				r.Killed = e.peer
			}
			l.Endpoints = append(l.Endpoints, x)
		}
		r.Locations = append(r.Locations, l)
	}
	if err := f.count(ctx, r); err != nil {
		return r, err
	}
	if r.Verified != r.Endpoints {
		return r, fmt.Errorf("%w: %d of %d do", ErrNotVerified, r.Verified, r.Endpoints)
	}
	return r, nil
}

// count asks the senders what they sent: the killed endpoint itself has forgotten what it had received.
func (f *fleet) count(ctx context.Context, r *Report) error {
	time.Sleep(2 * lookEvery) // conversations report what they sent a few times a second
	hub := client.New(filepath.Join(f.dir, "hub"))
	s, err := hub.Status(ctx)
	if err != nil {
		return err
	}
	r.HubSent = s.Sent
	if r.Killed == "" {
		return nil
	}
	senders := []*client.Client{hub}
	for _, e := range f.all() {
		senders = append(senders, e.client)
	}
	var sent int64
	for _, c := range senders {
		peers, err := c.Peers(ctx)
		if err != nil {
			return err
		}
		for _, p := range peers {
			if p.Peer == r.Killed {
				sent += p.Sent
			}
		}
	}
	again := max(sent-f.size, 0)
	r.Refetched = &again
	return nil
}

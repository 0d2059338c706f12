// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/ebbproject/ebb/agent/daemon"
	"github.com/ebbproject/ebb/bench/reference"
	"github.com/ebbproject/ebb/bench/stage"
)

// The goals of a transfer between neighbours.
const (
	goalLANShare = 80 // % of crypto/tls
	goalLANCPU   = 3  // CPU seconds a GB, both ends
)

// lan lays a transfer between two hosts of one location beside bare TLS, in turn and in one process, because only their ratio means
// something on a machine that is not quiet.
func (b *bench) lan(ctx context.Context, s *Section) (err error) {
	s.Title = fmt.Sprintf("between neighbours over loopback: %s, TLS 1.3, hashed, stored", size(b.o.StageSize))
	b.say("between neighbours")
	p, whole, err := b.inOneProcess(ctx, "lan", stage.NewNeighbours)
	defer func() { err = errors.Join(err, b.away(p, "lan")) }()
	if err != nil {
		return err
	}
	if carrier, err := p.Carrier(ctx); err != nil || carrier != daemon.CarrierTLS {
		return errors.Join(err, fmt.Errorf("the transfer ran on %q", carrier))
	}
	bare, err := reference.TLS(b.o.StageSize)
	if err != nil {
		return err
	}
	s.add("ebb, to verified and on disk", whole.Gbits(), "Gbit/s")
	s.add("crypto/tls over TCP", bare.Gbits(), "Gbit/s").note("nothing hashed or stored")
	s.add("ebb, share of crypto/tls", 100*whole.Gbits()/bare.Gbits(), "%").should(atLeast, goalLANShare)
	s.add("ebb, both ends", whole.CPUPerGB(), "CPU-s/GB").should(atMost, goalLANCPU).note("system %s", short(whole.SystemPerGB()))
	s.add("crypto/tls over TCP, both ends", bare.CPUPerGB(), "CPU-s/GB")
	return nil
}

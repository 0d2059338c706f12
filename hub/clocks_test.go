// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"crypto/x509"
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/desired"
)

// lateWorld is a hub that was set up under a clock that is ahead of those of all hosts by so much.
func lateWorld(t *testing.T, late time.Duration) *world {
	w := newWorld(t)
	w.stop()
	w.state, w.fs, w.late = t.TempDir(), vfs.NewCrashableMem(), late
	w.start()
	return w
}

// Hosts whose clocks are almost a day from the hub's are let in, are good for one another, report themselves and by way of others, obey
// and renew.
func TestClocksMayDifferByADay(t *testing.T) {
	for _, late := range []time.Duration{fleet.ClockBorne - 10*time.Minute, 10*time.Minute - fleet.ClockBorne, -31 * time.Hour} {
		w := lateWorld(t, late)
		a, _ := w.spoken("berlin", "10.0.0.1:5")
		b, told := w.spoken("berlin", "10.0.0.2:5")
		if off := time.Until(told.Time) - late; off.Abs() > time.Minute {
			t.Errorf("%v: the hub says what time it is, and that is %v off", late, off)
		}
		if _, taken := w.hand(a, w.write(b, "10.0.0.2:5", told.Cursor).Raw); taken != "+" {
			t.Errorf("%v: %q is taken of a letter; the log says %s", late, taken, w.log.String())
		}
		w.setLate(late + letterFresh + time.Minute)
		if _, taken := w.hand(a, w.write(b, "10.0.0.2:5", told.Cursor).Raw); taken != "-" {
			t.Errorf("%v: %q is taken of a letter that was held back", late, taken)
		}
		w.setLate(late)
		for _, c := range []*client.Client{a, b} {
			leaf := c.Node().Certificate.Leaf
			if _, err := leaf.Verify(x509.VerifyOptions{Roots: a.Node().Roots, CurrentTime: time.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
				t.Errorf("%v: a neighbour does not accept its certificate: %v", late, err)
			}
			if _, err := c.Renew(context.Background()); err != nil {
				t.Errorf("%v: %v", late, err)
			}
		}
		w.steer(desired.Command{Verb: desired.DoPause, Selector: desired.Selector{Location: "berlin"}})
		s := w.subject("berlin")
		reply, err := sync1(s.client, fleet.SyncRequest{Desired: &fleet.Desired{Root: s.book.Root(s.node.Identity).String(), Digest: s.book.Digest(s.node.Identity)}})
		w.must(err)
		for _, raw := range reply.Desired.Documents {
			_, err := s.book.Heard(time.Now(), raw)
			w.must(err)
		}
		if s.book.On(time.Now(), desired.Subject{Location: "berlin", Peer: s.node.Identity.Peer}).Paused == nil {
			t.Errorf("%v: a pause is not obeyed", late)
		}
	}
}

// A clock that is further behind than is borne is named, with how far it is, and no token is spent.
func TestAClockTooFarBehindIsNamed(t *testing.T) {
	w := lateWorld(t, 31*time.Hour)
	token := w.token("1h", "")
	_, err := w.enroll(token, "berlin")
	if !errors.Is(err, client.ErrExpired) || !regexp.MustCompile(`this machine's clock is at least 3[01]h[0-9]+m behind the hub's, for here it is 20.*clocks may differ by 24h0m: set it`).MatchString(err.Error()) {
		t.Errorf("enrolment: %v", err)
	}
	w.setLate(0) // whoever sets its clock is let in with the same token; here the hub's is set
	if _, err := w.enroll(token, "berlin"); err == nil {
		t.Error("a hub whose certificate is of the future is believed")
	}
}

// A hub whose clock was set back says that it is its own, and a host hears how far its own is from it.
func TestAHubThatWasSetBackSaysSo(t *testing.T) {
	w := newWorld(t)
	_, c := w.host("berlin")
	w.setLate(-60 * time.Hour)
	_, err := sync1(c, fleet.SyncRequest{})
	if !errors.Is(err, client.ErrExpired) || !regexp.MustCompile(`the hub's clock is at least [56][0-9]h[0-9]+m behind what it was.*this machine's clock is [56][0-9]h[0-9]+m ahead of the hub's`).MatchString(err.Error()) {
		t.Errorf("%v", err)
	}
}

// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/ebbproject/ebb/fleet"
)

// gate lets hosts in.
type gate struct {
	c      Config
	secret []byte // of this process
}

// hubUser is the hub itself.
const hubUser = "hub"

// guest is who comes, and until when the certificate is good.
type guest struct {
	fleet.Identity
	until time.Time
}

// Check says who comes and what he may do: hosts hear what is for them and say nothing, and stay no longer than their certificate is good.
func (g *gate) Check(c server.ClientAuthentication) bool {
	state := c.GetTLSConnectionState()
	if o := c.GetOpts(); state == nil && o.Username == hubUser && g.sealed(hubUser, o.Password) {
		c.RegisterUser(&server.User{Username: hubUser, Permissions: &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"ebb.>"}},
			Subscribe: &server.SubjectPermission{Deny: []string{">"}}}})
		return true
	}
	who, err := g.guest(c, state)
	if err == nil {
		c.RegisterUser(&server.User{Username: who.Peer, ConnectionDeadline: who.until,
			Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{">"}}, Subscribe: &server.SubjectPermission{Allow: Subjects(who.Identity)}}})
		err = g.welcome(who.Identity) // now that it can be found by Hangup, or a host that is revoked in this moment would stay
	}
	if err != nil {
		g.c.Log.Warn("a host was not let onto the bus", "remote", c.RemoteAddress(), "err", err)
	}
	return err == nil
}

func (g *gate) guest(c server.ClientAuthentication, state *tls.ConnectionState) (guest, error) {
	if state == nil {
		return g.redeem(c.GetOpts().Username, c.GetOpts().Password)
	}
	if len(state.PeerCertificates) == 0 {
		return guest{}, errors.New("it shows no certificate")
	}
	return identified(state.PeerCertificates[0]) // TLS has verified it
}

func identified(leaf *x509.Certificate) (guest, error) {
	id, err := fleet.IdentityOf(leaf)
	return guest{id, leaf.NotAfter}, err
}

func (g *gate) welcome(id fleet.Identity) error {
	switch {
	case id.Fleet != g.c.Self().Identity.Fleet:
		return errors.New("it is of another fleet")
	case g.c.Revoked(id.Peer):
		return fmt.Errorf("%s was revoked", id.Peer)
	}
	return nil
}

// ticket lets a guest in who has shown the certificate on the control port.
func (g *gate) ticket(x guest) (user, password string) {
	user = strconv.FormatInt(x.until.Unix(), 10) + "|" + x.String()
	return user, g.seal(user)
}

func (g *gate) redeem(user, password string) (guest, error) {
	if !g.sealed(user, password) {
		return guest{}, errors.New("it shows no certificate")
	}
	until, text, _ := strings.Cut(user, "|")
	seconds, err := strconv.ParseInt(until, 10, 64)
	if err != nil {
		return guest{}, err
	}
	u, err := url.Parse(text)
	if err != nil {
		return guest{}, err
	}
	id, err := fleet.ParseIdentity(u)
	return guest{id, time.Unix(seconds, 0)}, err
}

func (g *gate) seal(text string) string {
	m := hmac.New(sha256.New, g.secret)
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

func (g *gate) sealed(text, seal string) bool { return hmac.Equal([]byte(g.seal(text)), []byte(seal)) }

// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"crypto/x509"
	"sync"
	"time"

	"github.com/ebbproject/ebb/fleet/relay"
)

// verified is what a connection remembers: the certificate that was shown on it, and those of the letters that came over it, all found to be
// the fleet's. Hosts report every few seconds, and to read and verify those anew would be most of the work. A nil one remembers nothing.
type verified struct {
	mu      sync.Mutex
	leaf    *x509.Certificate
	letters map[string]*x509.Certificate // by their bytes
}

// keyVerified finds it in the context of a request.
type keyVerified struct{}

// maxKept bounds the certificates that a connection remembers; beyond it they are forgotten.
const maxKept = 2 * relay.MaxReports

func (v *verified) shown(leaf *x509.Certificate) {
	if v != nil {
		v.mu.Lock()
		v.leaf = leaf
		v.mu.Unlock()
	}
}

// keep remembers the certificate of a letter.
func (v *verified) keep(c *x509.Certificate) {
	if v == nil || v.knows(c) {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.letters == nil || len(v.letters) >= maxKept {
		v.letters = map[string]*x509.Certificate{}
	}
	v.letters[string(c.Raw)] = c
}

// parse is x509.ParseCertificate for those of letters.
func (v *verified) parse(der []byte) (*x509.Certificate, error) {
	if v != nil {
		v.mu.Lock()
		c := v.letters[string(der)]
		v.mu.Unlock()
		if c != nil {
			return c, nil
		}
	}
	return x509.ParseCertificate(der)
}

func (v *verified) knows(c *x509.Certificate) bool {
	if v == nil {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.leaf == c || v.letters[string(c.Raw)] == c
}

// verify checks a certificate, its signature once a connection.
func (s *Server) verify(known *verified, leaf *x509.Certificate, now time.Time) error {
	if known.knows(leaf) && !now.Before(leaf.NotBefore) && !now.After(leaf.NotAfter) {
		return nil
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: s.self().Roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err
}

// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"crypto/x509"
	"sync"
	"time"
)

// verified is what a connection remembers: the certificate that was shown on it and found to be the fleet's. Hosts report every few seconds,
// and to verify it anew would be most of the work. A nil one remembers nothing.
type verified struct {
	mu   sync.Mutex
	leaf *x509.Certificate
}

// keyVerified finds it in the context of a request.
type keyVerified struct{}

func (v *verified) shown(leaf *x509.Certificate) {
	if v != nil {
		v.mu.Lock()
		v.leaf = leaf
		v.mu.Unlock()
	}
}

func (v *verified) knows(leaf *x509.Certificate) bool {
	if v == nil {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.leaf == leaf
}

// verify checks a certificate, its signature once a connection.
func (s *Server) verify(known *verified, leaf *x509.Certificate, now time.Time) error {
	if known.knows(leaf) && !now.Before(leaf.NotBefore) && !now.After(leaf.NotAfter) {
		return nil
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: s.self().Roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err
}

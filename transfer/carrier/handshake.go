// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ebbproject/ebb/transfer/seal"
	"github.com/pion/dtls/v3"
)

// secrets is what a handshake leaves behind.
type secrets struct {
	sealer *seal.Sealer
	opener *seal.Opener
	own    uint32 // connection id on datagrams to us
	theirs uint32
	peer   *x509.Certificate
}

const (
	flightInterval = time.Second // RFC 6347, section 4.2.4.1: "initial timer value of 1 second"
	handshakeMTU   = 1200 - outwardHeader
	idLabel        = "EXPORTER-ebb-connection-v1" // 8 bytes: the listener's connection id, then the dialer's
)

func (e *Endpoint) dtlsOptions() []dtls.Option {
	return []dtls.Option{
		dtls.WithCertificates(*e.certificate.Load()),
		dtls.WithCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithRootCAs(e.cfg.Roots),
		dtls.WithVerifyPeerCertificate(e.verify),
		dtls.WithFlightInterval(flightInterval),
		dtls.WithDisableRetransmitBackoff(true), // the handshake's own time limit is the brake
		dtls.WithMTU(handshakeMTU),
		dtls.WithLoggerFactory(new(counter)),
	}
}

// trust is what the handshakes that begin now go by.
func (e *Endpoint) trust() Trust { return Trust{*e.certificate.Load(), e.cfg.Roots, e.cfg.Verify} }

// verify has the last word on a certificate whose chain is good.
func (e *Endpoint) verify(_ [][]byte, chains [][]*x509.Certificate) error {
	return e.trust().approve(chains)
}

// shakeHands runs the handshake over p. The DTLS connection returned is there to repeat its last flight, no more.
func (e *Endpoint) shakeHands(ctx context.Context, p *pipe, client bool) (*secrets, *dtls.Conn, error) {
	var conn *dtls.Conn
	var err error
	remote := net.UDPAddrFromAddrPort(p.remote)
	if client {
		var opts []dtls.ClientOption
		for _, o := range e.dtlsOptions() {
			opts = append(opts, o)
		}
		// Show the certificate even to a listener that does not name its issuer: then it can say what is wrong with it.
		opts = append(opts, dtls.WithGetClientCertificate(func(*dtls.CertificateRequestInfo) (*tls.Certificate, error) {
			return e.certificate.Load(), nil
		}))
		conn, err = dtls.ClientWithOptions(p, remote, opts...)
	} else {
		opts := []dtls.ServerOption{
			dtls.WithClientAuth(dtls.RequireAndVerifyClientCert), dtls.WithClientCAs(e.cfg.Roots),
		}
		for _, o := range e.dtlsOptions() {
			opts = append(opts, o)
		}
		conn, err = dtls.ServerWithOptions(p, remote, opts...)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("set up DTLS: %w", err)
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	s, err := export(conn, client)
	if err != nil {
		p.mute()
		_ = conn.Close()
		return nil, nil, err
	}
	return s, conn, nil
}

// export takes out of a finished handshake what the conversation needs.
func export(conn *dtls.Conn, client bool) (*secrets, error) {
	state, ok := conn.ConnectionState()
	if !ok || len(state.PeerCertificates) == 0 {
		return nil, errors.New("handshake ended without a peer certificate")
	}
	peer, err := x509.ParseCertificate(state.PeerCertificates[0])
	if err != nil {
		return nil, fmt.Errorf("read the peer's certificate: %w", err)
	}
	secret, err := state.ExportKeyingMaterial(seal.Exporter, nil, seal.SecretSize)
	if err != nil {
		return nil, fmt.Errorf("export keys: %w", err)
	}
	ids, err := state.ExportKeyingMaterial(idLabel, nil, 8)
	if err != nil {
		return nil, fmt.Errorf("export connection ids: %w", err)
	}
	s := &secrets{peer: peer, own: binary.BigEndian.Uint32(ids), theirs: binary.BigEndian.Uint32(ids[4:])}
	if client {
		s.own, s.theirs = s.theirs, s.own
	}
	s.sealer, s.opener, err = seal.Derive(secret, client)
	return s, err
}

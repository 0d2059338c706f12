// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"time"
)

// chunk is what is written and read at a time: enough to make the calls themselves cheap.
const chunk = 256 << 10

// TLS moves bytes over crypto/tls (version 1.3, as it comes) over TCP.
func TLS(bytes int64) (Result, error) {
	certificate, err := selfSigned()
	if err != nil {
		return Result{}, err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13})
	if err != nil {
		return Result{}, fmt.Errorf("listen for TLS on loopback: %w", err)
	}
	defer func() { _ = listener.Close() }()

	accepted := make(chan accept, 1)
	go func() { accepted <- acceptTLS(listener) }()
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	sender, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: serverName})
	if err != nil {
		return Result{}, errors.Join(fmt.Errorf("TLS handshake over loopback: %w", err), listener.Close())
	}
	defer func() { _ = sender.Close() }()
	receiver := <-accepted
	if receiver.err != nil {
		return Result{}, receiver.err
	}
	defer func() { _ = receiver.conn.Close() }()
	return measure(bytes, func() error { return pump(sender, receiver.conn, bytes) })
}

type accept struct {
	conn net.Conn
	err  error
}

func acceptTLS(listener net.Listener) accept {
	conn, err := listener.Accept()
	if err != nil {
		return accept{err: fmt.Errorf("accept TLS over loopback: %w", err)}
	}
	if err := conn.(*tls.Conn).Handshake(); err != nil {
		return accept{err: errors.Join(fmt.Errorf("TLS handshake over loopback: %w", err), conn.Close())}
	}
	return accept{conn: conn}
}

// pump writes bytes at one end while it reads them at the other.
func pump(to io.Writer, from io.Reader, bytes int64) error {
	written := make(chan error, 1)
	go func() {
		buffer := make([]byte, chunk)
		for left := bytes; left > 0; {
			n, err := to.Write(buffer[:min(left, chunk)])
			if err != nil {
				written <- fmt.Errorf("send over loopback: %w", err)
				return
			}
			left -= int64(n)
		}
		written <- nil
	}()
	buffer := make([]byte, chunk)
	for left := bytes; left > 0; {
		n, err := from.Read(buffer[:min(left, chunk)])
		if err != nil {
			return fmt.Errorf("receive over loopback with %d of %d bytes missing: %w", left, bytes, err)
		}
		left -= int64(n)
	}
	return <-written
}

const serverName = "loopback.invalid" // RFC 2606

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{serverName},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read back a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

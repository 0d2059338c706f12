// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/ebbproject/ebb/fleet/desired"
)

func TestTheNodeOfAClusterIsUnderstood(t *testing.T) {
	dir := t.TempDir()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	shown := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(shown.PrivateKey)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: shown.Certificate[0]})
	for name, data := range map[string][]byte{"server.pem": certificate, "fleet-ca.pem": certificate, "cluster-ca.pem": certificate,
		"server.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	path := filepath.Join(dir, "nats.conf")
	text := strings.ReplaceAll(read(t, "nats.conf"), `"/etc/nats/`, `"`+filepath.ToSlash(dir)+"/")
	if err := errors.Join(err, os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if o.JetStream || o.StoreDir != "" {
		t.Error("it keeps something")
	}
	if o.MaxPayload < desired.MaxDocument || o.TLSConfig.ClientAuth != tls.RequireAndVerifyClientCert || len(o.Users) != 2 {
		t.Errorf("payload %d, client certificates %v, %d users", o.MaxPayload, o.TLSConfig.ClientAuth, len(o.Users))
	}
}

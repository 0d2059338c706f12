// SPDX-License-Identifier: Apache-2.0

package beside

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/ebbproject/ebb/process"
)

// node is the process of one NATS node.
func node(ctx context.Context, config string) error {
	o, err := server.ProcessConfigFile(config)
	if err != nil {
		return err
	}
	o.NoSigs = true
	ns, err := server.NewServer(o)
	if err != nil {
		return err
	}
	ns.Start()
	defer ns.WaitForShutdown()
	defer ns.Shutdown()
	if !ns.ReadyForConnections(time.Minute) {
		return errors.New("it does not listen")
	}
	if err := ready(os.Stdout); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// Who hub and hosts are to a Cluster.
const (
	HubUser, HubPassword     = "hub", "publishes"
	HostsUser, HostsPassword = "hosts", "hear"
)

// members of a Cluster. The last is the one that can be cut off.
const members = 3

// Cluster is three NATS nodes of real processes that speak TLS, ask for certificates of the fleet and for passwords.
type Cluster struct {
	URLs []string // of the nodes
	CA   []byte   // PEM; of their certificates
	exe  string
	dir  string
	all  [members]*process.Process
	held []*relay // routes of the last node
}

// Nodes starts a cluster that believes the fleet's CA (PEM). dir is emptied of it by Stop.
func Nodes(ctx context.Context, exe, dir string, fleetCA []byte) (c *Cluster, err error) {
	c = &Cluster{exe: exe, dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop())
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return c, err
	}
	if err := c.certify(fleetCA); err != nil {
		return c, err
	}
	var clients, routes [members]int
	for i := range members {
		if clients[i], err = freePort(); err == nil {
			routes[i], err = freePort()
		}
		if err != nil {
			return c, err
		}
		c.URLs = append(c.URLs, fmt.Sprintf("tls://127.0.0.1:%d", clients[i]))
	}
	last := members - 1
	into, err := c.relay(routes[last])
	if err != nil {
		return c, err
	}
	var out []string
	for i := range last {
		r, err := c.relay(routes[i])
		if err != nil {
			return c, err
		}
		out = append(out, r)
	}
	for i := range members {
		at, to := into, out
		if i != last {
			at, to = out[i], []string{into}
			for j := range last {
				if j != i {
					to = append(to, fmt.Sprintf("127.0.0.1:%d", routes[j]))
				}
			}
		}
		if err := os.WriteFile(c.config(i), []byte(c.configuration(i, clients[i], routes[i], at, to)), 0o600); err != nil {
			return c, err
		}
	}
	for i := range members {
		if err := c.Restart(ctx, i); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *Cluster) config(i int) string { return filepath.Join(c.dir, fmt.Sprintf("node%d.conf", i)) }

// configuration of a node, as an operator would write it.
func (c *Cluster) configuration(i, client, route int, at string, to []string) string {
	for j := range to {
		to[j] = "nats-route://" + to[j]
	}
	return fmt.Sprintf(`server_name: node%d
listen: 127.0.0.1:%d
tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true, timeout: 30 }
authorization {
  timeout: 45
  users: [
    {user: %q, password: %q, permissions: {publish: "ebb.>", subscribe: {deny: ">"}}}
    {user: %q, password: %q, permissions: {publish: {deny: ">"}, subscribe: "ebb.>"}}
  ]
}
cluster { name: bench, listen: 127.0.0.1:%d, cluster_advertise: %q, pool_size: -1, routes: [%s] }
`, i, client, c.path("server.pem"), c.path("server.key"), c.path("fleet.pem"), HubUser, HubPassword, HostsUser, HostsPassword, route, at, strings.Join(to, ", "))
}

func (c *Cluster) path(name string) string { return filepath.Join(c.dir, name) }

// Restart starts a node, again if it was killed. It keeps nothing from one time to the next.
func (c *Cluster) Restart(ctx context.Context, i int) error {
	p, err := process.Program{Log: c.path(fmt.Sprintf("node%d.log", i)), Args: []string{c.exe, Word, "node", c.config(i)}}.Start()
	if err != nil {
		return err
	}
	c.all[i] = p
	return p.Ready(ctx, &struct{}{})
}

// Kill ends a node without a word.
func (c *Cluster) Kill(i int) error { return c.all[i].Kill() }

// Freeze stops a node in its tracks, or lets it go on. Its connections stay open, and nothing comes of them.
func (c *Cluster) Freeze(i int, on bool) error {
	if on {
		return c.all[i].Signal(stop)
	}
	return c.all[i].Signal(goOn)
}

// CutOff holds back whatever goes between the last node and the others, or lets it on.
func (c *Cluster) CutOff(on bool) {
	for _, r := range c.held {
		r.hold(on)
	}
}

// Stop ends all that runs and removes all that there is of it.
func (c *Cluster) Stop() error {
	var errs []error
	c.CutOff(false)
	for i, p := range c.all {
		if p != nil {
			_ = c.Freeze(i, false) // who was killed is fine
			errs = append(errs, p.Kill())
		}
	}
	for _, r := range c.held {
		errs = append(errs, r.close())
	}
	return errors.Join(append(errs, os.RemoveAll(c.dir))...)
}

// certify makes what the nodes show, and what they believe.
func (c *Cluster) certify(fleetCA []byte) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nodes"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	c.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return errors.Join(os.WriteFile(c.path("server.pem"), c.CA, 0o600), os.WriteFile(c.path("fleet.pem"), fleetCA, 0o600),
		os.WriteFile(c.path("server.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
}

// freePort is one that was free a moment ago: a node that is killed comes back where it was.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

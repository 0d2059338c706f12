// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/content"
	fleetclient "github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/store"
)

func hash(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:6]
}

// expire HUB STATE gives the host that is enrolled on STATE a certificate of the hub's CA that expired yesterday.
func expire(ts *testscript.TestScript, neg bool, args []string) {
	b, err := os.ReadFile(ts.MkAbs(filepath.Join(args[0], "ca.key")))
	ts.Check(err)
	keyBlock, rest := pem.Decode(b)
	certBlock, _ := pem.Decode(rest)
	key, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	ts.Check(err)
	ca, err := x509.ParseCertificate(certBlock.Bytes)
	ts.Check(err)
	n, err := node.Load(ts.MkAbs(args[1]))
	ts.Check(err)
	template := *n.Certificate.Leaf
	template.NotBefore, template.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, &template, ca, &n.Certificate.PrivateKey.(*ecdsa.PrivateKey).PublicKey, key)
	ts.Check(err)
	n.Certificate.Certificate, n.Certificate.Leaf = [][]byte{der}, nil
	ts.Check(n.Save())
}

// redirect STATE ADDR makes an enrolled host believe that its hub is at another address.
func redirect(ts *testscript.TestScript, neg bool, args []string) {
	n, err := node.Load(ts.MkAbs(args[0]))
	ts.Check(err)
	n.HubAddr, n.Hub.Lan, n.Hub.Wan = args[1], args[1], args[1]
	ts.Check(n.Save())
}

// signed STATE NAME FILE asks the hub, as the host enrolled on STATE, for a signed manifest.
func signed(ts *testscript.TestScript, neg bool, args []string) {
	n, err := node.Load(ts.MkAbs(args[0]))
	ts.Check(err)
	c, err := fleetclient.New(n)
	ts.Check(err)
	defer c.Close()
	raw, err := c.Content(context.Background(), args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), raw, 0o600))
}

// forge HUB FILE OLD NEW replaces text in a signed manifest, of the same length, and signs it again with the hub's
// publisher key, which no publisher of ours would do.
func forge(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 4 || len(args[2]) != len(args[3]) {
		ts.Fatalf("usage: forge HUB FILE OLD NEW, both of one length")
	}
	raw, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	s, err := content.ParseSigned(raw)
	ts.Check(err)
	if !bytes.Contains(s.Manifest, []byte(args[2])) {
		ts.Fatalf("%s does not hold %q", args[1], args[2])
	}
	s.Manifest = bytes.ReplaceAll(s.Manifest, []byte(args[2]), []byte(args[3]))
	text, err := os.ReadFile(ts.MkAbs(filepath.Join(args[0], "publisher.key")))
	ts.Check(err)
	key, err := content.ParsePublisherSecret(strings.TrimSpace(string(text)))
	ts.Check(err)
	id := s.ID()
	s.Signature = ed25519.Sign(key, append([]byte("ebb manifest v1\x00"), id[:]...))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), s.Encode(), 0o600))
}

// plant HUB FILE puts a signed manifest into the catalogue of a hub that does not run, as whoever has stolen it could.
func plant(ts *testscript.TestScript, neg bool, args []string) {
	raw, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	s, err := content.ParseSigned(raw)
	ts.Check(err)
	st, err := store.Open(ts.MkAbs(filepath.Join(args[0], "store")), store.Options{})
	ts.Check(err)
	err = st.Record(store.Record{Key: "hub/content/" + s.ID().String(), Value: raw})
	ts.Check(errors.Join(err, st.Close()))
}

// post STATE PATH FILE posts a file to the local API of a daemon and prints its answer. Refused, it prints the problem
// and the exit code that the command line would make of it.
func post(ts *testscript.TestScript, neg bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[2]))
	ts.Check(err)
	defer f.Close()
	var answer any
	err = client.New(ts.MkAbs(args[0])).Call(context.Background(), http.MethodPost, args[1], f, &answer)
	var problem *api.Problem
	switch {
	case errors.As(err, &problem):
		answer = map[string]any{"problem": problem, "exit": exitCode(err)}
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if (err != nil) != neg {
		ts.Fatalf("%v", err)
	}
	ts.Check(json.NewEncoder(ts.Stdout()).Encode(answer))
}

// meddle STATE HUB [FILE] puts, on STATE, something in front of the hub's local API that does mischief when the first
// chunk comes along: it appends to FILE, as if somebody were writing to what is being published, or without one it
// kills the hub.
func meddle(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: meddle STATE HUB [FILE]")
	}
	dir, mischief := ts.MkAbs(args[0]), on(ts).daemons[args[1]].kill
	if len(args) == 3 {
		file := ts.MkAbs(args[2])
		mischief = func() error { return appendTo(file, "more") }
	}
	ts.Check(os.MkdirAll(dir, 0o700))
	key, err := os.ReadFile(ts.MkAbs(filepath.Join(args[1], "publisher.key")))
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(dir, "publisher.key"), key, 0o600))
	l, err := net.Listen("unix", client.Socket(dir))
	ts.Check(err)
	hub := client.Socket(ts.MkAbs(args[1]))
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "ebb" },
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", hub)
		}}}
	var once sync.Once
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			once.Do(func() {
				if err := mischief(); err != nil {
					panic(err)
				}
			})
		}
		if len(args) == 2 && r.Method == http.MethodPut {
			panic(http.ErrAbortHandler) // nobody is there any more
		}
		proxy.ServeHTTP(w, r)
	}), ErrorLog: log.New(io.Discard, "", 0)}
	go s.Serve(l)
	on(ts).clean = append(on(ts).clean, s.Close)
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

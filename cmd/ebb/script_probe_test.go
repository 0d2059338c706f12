// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ebbproject/ebb/agent/client"
)

// probe STATE|URL PATH [HOST] asks as a monitoring system does, on the socket of a daemon or at an address, under another name if HOST is
// given. It fails unless the answer is 200; stdout has the answer, or its status and then the answer.
func probe(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: probe STATE|URL PATH [HOST]")
	}
	base, transport := args[0], &http.Transport{DisableKeepAlives: true}
	if !strings.HasPrefix(base, "http://") {
		socket := client.Socket(ts.MkAbs(base))
		base = "http://ebb"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		}
	}
	r, err := http.NewRequest(http.MethodGet, base+args[1], nil)
	ts.Check(err)
	if len(args) == 3 {
		r.Host = args[2]
	}
	resp, err := (&http.Client{Transport: transport}).Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode != http.StatusOK {
		text = fmt.Appendf(nil, "%s\n%s", resp.Status, text)
	}
	_, _ = ts.Stdout().Write(text)
	if (resp.StatusCode != http.StatusOK) != neg {
		ts.Fatalf("%s: %s", args[1], text)
	}
}

// SPDX-License-Identifier: Apache-2.0

package torrent

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// Each client that is installed fetches what another of it seeds, over loopback; but for transmission, which talks to nobody there.
func TestClientsFetch(t *testing.T) {
	for name, client := range Clients {
		if name == "transmission" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if err := client.Installed(t.Context()); errors.Is(err, ErrNotInstalled) {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			l, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			s, err := Seed(t.Context(), client, dir, l, free(t), 1, 1<<20)
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Leech(free(t)); err != nil {
				t.Fatal(err)
			}
			if err := s.Fetched(t.Context()); err != nil {
				t.Fatal(err)
			}
			one, err1 := os.ReadFile(filepath.Join(dir, "seeder", "files", contentName))
			two, err2 := os.ReadFile(filepath.Join(dir, "leecher", "files", contentName))
			if err := errors.Join(err1, err2); err != nil || !bytes.Equal(one, two) {
				t.Error("what came is something else", err)
			}
			if n := len(s.Processes()); n != 2 {
				t.Errorf("%d processes run", n)
			}
		})
	}
}

// free is a place on loopback with a port that nobody has.
func free(t *testing.T) Place {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return Place{Addr: netip.MustParseAddr("127.0.0.1"), Port: l.Addr().(*net.TCPAddr).Port}
}

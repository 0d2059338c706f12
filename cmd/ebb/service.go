// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/metrics"
	"github.com/ebbproject/ebb/store"
)

// openStore opens the store of an instance, which tells journal of its commits, and creates its state directory.
func openStore(state string, journal *metrics.Journal) (*store.Store, error) {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	st, err := store.Open(filepath.Join(state, "store"), store.Options{Events: journal.Events()})
	return st, explainStore(state, err)
}

// explainStore says in terms of the state directory why its store cannot be used.
func explainStore(state string, err error) error {
	var damaged *store.DamagedError
	switch {
	case errors.Is(err, store.ErrLocked):
		return &hintedError{fmt.Sprintf("the state directory %s is in use by another process", state),
			"stop the other ebb that uses it, or choose another one with --state", exitError, err}
	case errors.As(err, &damaged):
		cause, _, _ := strings.Cut(damaged.Cause.Error(), "\n")
		return &hintedError{fmt.Sprintf("the journal in %s is damaged: %s. The chunks on disk are kept; records of flows and contents may be lost",
			state, cause), "ebb doctor --repair --state " + state, exitIntegrity, err}
	}
	return err
}

// loadNode reads who the instance is.
func loadNode(state string) (*node.Node, error) {
	n, err := node.Load(state)
	if err == nil || errors.Is(err, node.ErrNotEnrolled) {
		return n, err
	}
	return nil, badState(err)
}

// badState says that what a state directory holds cannot be used, unless it only cannot be read or written now.
func badState(err error) error {
	if errors.Is(err, fs.ErrPermission) || store.Full(err) {
		return err
	}
	return &hintedError{err.Error(), "", exitConfig, err}
}

// checkSocket refuses a state directory in which no socket can be made, before anything else is made there.
func checkSocket(state string) error {
	longest := 103 // what sockaddr_un holds on most systems
	if runtime.GOOS == "linux" {
		longest = 107
	}
	path := client.Socket(state)
	if len(path) <= longest {
		return nil
	}
	return &hintedError{fmt.Sprintf("%s is too long for a socket: %d bytes, %d are possible", path, len(path), longest),
		"a shorter --state, or one relative to the working directory", exitConfig, syscall.ENAMETOOLONG}
}

// newLog writes text on a terminal and JSON elsewhere.
func newLog(w io.Writer, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, &configError{fmt.Sprintf("log level %q: use debug, info, warn or error", level)}
	}
	o := &slog.HandlerOptions{Level: l}
	if isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, o)), nil
	}
	return slog.New(slog.NewJSONHandler(w, o)), nil
}

// serveLocal serves the local API on the socket in the state directory. Only one daemon can hold the store of that
// directory, so a socket that lies there is a dead one's.
func serveLocal(state string, h http.Handler) (*http.Server, error) {
	path := client.Socket(state)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("local API: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go s.Serve(l) // ends with Shutdown
	return s, nil
}

func stopLocal(s *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		return s.Close()
	}
	return nil
}

// sayReady tells scripts and people that the daemon can be used.
func sayReady(w io.Writer, asJSON bool, addr netip.AddrPort, n *node.Node, figures string) error {
	id := n.Identity
	if !asJSON {
		_, err := fmt.Fprintf(w, "ebb %s ready on %s (location %s, peer %s, state %s)\n", id.Role, addr, id.Location, id.Peer, n.Dir)
		return err
	}
	return json.NewEncoder(w).Encode(api.Ready{Event: "ready", Role: string(id.Role), Addr: addr.String(), Socket: client.Socket(n.Dir),
		Peer: id.Peer, Location: id.Location, PID: os.Getpid(), State: n.Dir, Metrics: figures})
}

// parseListen reads host:port; the host must be an address, port 0 lets the system choose.
func parseListen(text string) (netip.AddrPort, error) {
	addr, err := netip.ParseAddrPort(text)
	if err != nil {
		return addr, usagef("--listen %q: want an address and a port such as 127.0.0.1:0 or [::]:8733", text)
	}
	return addr, nil
}

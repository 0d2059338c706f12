// SPDX-License-Identifier: Apache-2.0

// Package torrent runs other people's BitTorrent clients, to be measured beside Ebb: a tracker, one client that seeds a file of noise, and one
// that fetches it.
//
// The clients are processes of programs that may be installed; nothing of theirs is part of Ebb. They hear of one another from the tracker
// alone. It is not promised that a client is tuned for the path: it runs as it comes, with what would reach other machines switched off.
package torrent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/ebbproject/ebb/bench/stage"
	"github.com/ebbproject/ebb/process"
)

// ErrNotInstalled: this machine has no such client.
var ErrNotInstalled = errors.New("not installed")

// A Client is somebody else's program.
type Client interface {
	// Installed fails with ErrNotInstalled.
	Installed(ctx context.Context) error
	// program is how it is started in a seat; it may write its configuration there.
	program(s seat) (process.Program, error)
}

// A Place is where a client runs: an address, in a network namespace if that is not empty.
type Place struct {
	Namespace string
	Addr      netip.Addr // IPv4
	Port      int
}

// A seat is one client of the two. The content is, or comes to, dir/files.
type seat struct {
	at   Place
	dir  string
	file string // the metainfo file
}

func (s seat) files() string { return filepath.Join(s.dir, "files") }

// Swarm is a tracker, a seeder, and at times a leecher.
type Swarm struct {
	client          Client
	dir             string
	tracker         *tracker
	seeder, leecher *process.Process
	at              Place // of the leecher
}

// contentName is the name of the file.
const contentName = "background"

// Seed makes a file of noise in the folder dir, and starts a tracker on l and a client at a place that seeds the file; it returns when the client has
// told the tracker so. Close it also after an error.
func Seed(ctx context.Context, c Client, dir string, l net.Listener, at Place, seed uint64, bytes int64) (*Swarm, error) {
	s := &Swarm{client: c, dir: dir, tracker: newTracker(l)}
	seat := s.seat(at, "seeder")
	if err := os.MkdirAll(seat.files(), 0o700); err != nil {
		return s, err
	}
	path := filepath.Join(seat.files(), contentName)
	if err := stage.WriteNoise(path, seed, bytes); err != nil {
		return s, err
	}
	content, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer content.Close()
	text, err := metainfo(content, contentName, s.tracker.url)
	if err != nil {
		return s, err
	}
	if err := os.WriteFile(seat.file, []byte(text), 0o600); err != nil {
		return s, err
	}
	if s.seeder, err = s.launch(seat); err != nil {
		return s, err
	}
	return s, s.tracker.complete(ctx, 1, seedWithin)
}

func (s *Swarm) seat(at Place, name string) seat {
	return seat{at: at, dir: filepath.Join(s.dir, name), file: filepath.Join(s.dir, "content.torrent")}
}

func (s *Swarm) launch(at seat) (*process.Process, error) {
	p, err := s.client.program(at)
	if err != nil {
		return nil, err
	}
	p.Namespace, p.Log = at.at.Namespace, filepath.Join(at.dir, "log")
	p.Env = append(p.Env, "HOME="+at.dir)
	return p.Start()
}

// Leech starts a client that has nothing yet.
func (s *Swarm) Leech(at Place) (err error) {
	seat := s.seat(at, "leecher")
	s.at = at
	s.tracker.forget(netip.AddrPortFrom(at.Addr, uint16(at.Port)))
	if err := os.MkdirAll(seat.files(), 0o700); err != nil {
		return err
	}
	s.leecher, err = s.launch(seat)
	return err
}

// Fetched returns when the client that Leech has started has told the tracker that it has it all.
func (s *Swarm) Fetched(ctx context.Context) error { return s.tracker.complete(ctx, 2, fetchWithin) }

// Processes are the ids of the clients that run.
func (s *Swarm) Processes() (ids []int) {
	for _, p := range []*process.Process{s.seeder, s.leecher} {
		if p != nil {
			ids = append(ids, p.PID())
		}
	}
	return ids
}

// Stop ends the leecher, and removes what it has fetched.
func (s *Swarm) Stop() error {
	if s.leecher == nil {
		return nil
	}
	err := s.leecher.Stop()
	s.leecher = nil
	return errors.Join(err, os.RemoveAll(s.seat(s.at, "leecher").dir))
}

// Close ends everything, and removes the file.
func (s *Swarm) Close() error {
	err := s.Stop()
	if s.seeder != nil {
		err = errors.Join(err, s.seeder.Stop())
	}
	return errors.Join(err, s.tracker.close(), os.RemoveAll(s.seat(Place{}, "seeder").dir))
}

// needs looks for an executable.
func needs(name string) error {
	if _, err := exec.LookPath(name); err != nil {
		return fmt.Errorf("%w: no %s", ErrNotInstalled, name)
	}
	return nil
}

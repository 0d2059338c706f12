// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/ebbproject/ebb/bench/stage"
	"github.com/ebbproject/ebb/process"
)

// torrent is a BitTorrent client that seeds at the left end, and one at the right end, new at each start, that fetches.
type torrent struct {
	client torrentClient
	seed   uint64

	rig             *rig
	tracker         *tracker
	seeder, leecher *process.Process
}

// A torrentClient is somebody else's program.
type torrentClient interface {
	// installed fails with errNotInstalled.
	installed(ctx context.Context) error
	// program is how it is started in a seat; it may write its configuration there.
	program(s seat) (process.Program, error)
}

// A seat is one client of the two. The content is, or comes to, dir/files.
type seat struct {
	at   place
	dir  string
	file string // the metainfo file
	port int
}

func (s seat) files() string { return filepath.Join(s.dir, "files") }

// Both ends have a namespace of their own, and so all ports.
const torrentPort = 6881

func (t *torrent) prepare(ctx context.Context, r *rig) (err error) {
	if err := t.client.installed(ctx); err != nil {
		return err
	}
	t.rig = r
	if t.tracker, err = newTracker(r.left); err != nil {
		return err
	}
	s := t.seat(r.left, "seeder")
	if err := os.MkdirAll(s.files(), 0o700); err != nil {
		return err
	}
	path := filepath.Join(s.files(), contentName)
	if err := stage.WriteNoise(path, t.seed, r.content); err != nil {
		return err
	}
	content, err := os.Open(path)
	if err != nil {
		return err
	}
	defer content.Close()
	text, err := metainfo(content, contentName, t.tracker.url)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		return err
	}
	if t.seeder, err = t.launch(s); err != nil {
		return err
	}
	return t.tracker.seed(ctx)
}

func (t *torrent) seat(at place, name string) seat {
	return seat{at: at, dir: filepath.Join(t.rig.dir, name), file: filepath.Join(t.rig.dir, "content.torrent"), port: torrentPort}
}

func (t *torrent) launch(s seat) (*process.Process, error) {
	p, err := t.client.program(s)
	if err != nil {
		return nil, err
	}
	p.Namespace, p.Log = s.at.namespace, filepath.Join(s.dir, "log")
	p.Env = append(p.Env, "HOME="+s.dir)
	return p.Start()
}

func (t *torrent) start(context.Context) (err error) {
	s := t.seat(t.rig.right, "leecher")
	t.tracker.forget(s.at.addr)
	if err := os.MkdirAll(s.files(), 0o700); err != nil {
		return err
	}
	t.leecher, err = t.launch(s)
	return err
}

func (t *torrent) stop() error {
	if t.leecher == nil {
		return nil
	}
	err := t.leecher.Stop()
	t.leecher = nil
	return errors.Join(err, os.RemoveAll(t.seat(t.rig.right, "leecher").dir))
}

func (t *torrent) close() error {
	err := t.seeder.Stop()
	if t.tracker != nil {
		err = errors.Join(err, t.tracker.close(), os.RemoveAll(t.seat(t.rig.left, "seeder").dir))
	}
	return err
}

// needs looks for an executable.
func needs(name string) error {
	if _, err := exec.LookPath(name); err != nil {
		return fmt.Errorf("%w: no %s", errNotInstalled, name)
	}
	return nil
}

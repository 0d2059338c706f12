// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ebbproject/ebb/bench/torrent"
)

// errNotInstalled: a background that this machine does not have; torrent.ErrNotInstalled is another.
var errNotInstalled = errors.New("not installed")

// A background moves data from left to right for as long as it is let.
type background interface {
	// prepare is called once, before the first start. It fails with errNotInstalled or torrent.ErrNotInstalled if there is no such thing here.
	// close is called also after that.
	prepare(ctx context.Context, r *rig) error
	// start begins anew, with nothing kept from the time before. The data may flow a little later.
	start(ctx context.Context) error
	// stop ends what start began; it also says if there was nothing left to be moved.
	stop() error
	// close undoes prepare.
	close() error
}

// A kind of background is known by name; what follows a colon is its option.
type kind struct {
	name, option string // option: what it is, empty if there is none
	make         func(o *Options, option string) background
}

var kinds = []kind{
	{"ebb", "controller", func(o *Options, option string) background { return &ebb{controller: option, seed: o.Seed} }},
	{"tcp", "congestion control", func(_ *Options, option string) background { return &endless{control: option} }},
	{"aria2", "", func(o *Options, _ string) background { return &swarm{client: torrent.Clients["aria2"], seed: o.Seed} }},
	{"transmission", "", func(o *Options, _ string) background {
		return &swarm{client: torrent.Clients["transmission"], seed: o.Seed}
	}},
	{"libtorrent", "", func(o *Options, _ string) background {
		return &swarm{client: torrent.Clients["libtorrent"], seed: o.Seed}
	}},
}

// Backgrounds are what can be asked for.
func Backgrounds() []string {
	return []string{"ebb", "ebb:rfc6817", "ebb:ledbatpp", "tcp:cubic", "tcp:bbr", "tcp:reno", "libtorrent", "transmission", "aria2"}
}

// newBackground finds it by name.
func newBackground(o *Options, name string) (background, error) {
	first, option, _ := strings.Cut(name, ":")
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == first })
	if i < 0 || option != "" && kinds[i].option == "" || first == "tcp" && option == "" {
		return nil, fmt.Errorf("there is no background %q; there are %s", name, strings.Join(Backgrounds(), ", "))
	}
	return kinds[i].make(o, option), nil
}

// endless is a bulk TCP flow.
type endless struct {
	control string
	rig     *rig
	stream  *stream
}

func (e *endless) prepare(_ context.Context, r *rig) error {
	e.rig = r
	return nil
}

func (e *endless) start(context.Context) (err error) {
	e.stream, err = startStream(e.rig, e.control)
	return err
}

func (e *endless) stop() error {
	if e.stream != nil {
		e.stream.stop()
		e.stream = nil
	}
	return nil
}

func (e *endless) close() error { return nil }

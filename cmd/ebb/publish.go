// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/content/walk"
)

type publishFlags struct {
	state, name, version, kind, key, expires string
	origins                                  []string
	json, dry, yes                           bool
	order                                    orderFlags
}

func newPublish() *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use:   "publish PATH --name N --type T [--to SELECTOR]",
		Short: "Cut, hash, sign and catalogue a file or a directory tree; prints the content id",
		Long: "Cut, hash, sign and catalogue a file or a directory tree; prints the content id. With --to, endpoints fetch it without being\n" +
			"asked: those that are there and those that enrol later. What was published already is ordered by ebb content order.",
		Args: exactly("the file or directory to publish"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.state, "state", defaultState(), "state directory of the hub")
	fl.StringVar(&f.name, "name", "", "name of the content (default: the file's name)")
	fl.StringVar(&f.version, "content-version", "", "version of the content (default: the time of publishing)")
	fl.StringVar(&f.kind, "type", "file", "content type, such as os-image")
	fl.StringVar(&f.key, "key", "", "file with the publisher's secret key (default: the hub's own)")
	fl.StringVar(&f.expires, "expires", "", "time (RFC 3339) after which nobody accepts it")
	fl.StringSliceVar(&f.origins, "origin", nil, "URL where the same bytes can be had")
	f.order.register(fl)
	fl.BoolVar(&f.dry, "dry-run", false, "only cut and hash it, and say what would be touched")
	fl.BoolVar(&f.yes, "yes", false, "--to is meant, however much or little it touches")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

func (f *publishFlags) run(cmd *cobra.Command, path string) error {
	o, err := f.options(path)
	if err != nil {
		return err
	}
	c := client.New(f.state)
	if _, err := c.Status(cmd.Context()); err != nil { // before anything is read
		return err
	}
	key, err := f.secret()
	if err != nil {
		return err
	}
	var m *content.Manifest
	if f.dry {
		m, err = walk.Publish(path, o, func(content.ID, []byte) error { return cmd.Context().Err() })
	} else {
		m, err = upload(cmd.Context(), c, path, o)
	}
	if err != nil {
		return err
	}
	signed, err := content.Sign(m, key)
	if err != nil {
		return err
	}
	p := published{Publish: announced(signed.ID(), m)}
	if f.order.to != "" { // before it is catalogued
		if p.Order, err = f.preview(cmd, m, p.ID); err != nil {
			return err
		}
	}
	if f.dry {
		return f.tell(cmd, p)
	}
	if err := c.Call(cmd.Context(), http.MethodPost, "contents", bytes.NewReader(signed.Encode()), &p.Publish); err != nil {
		return err
	}
	if f.order.to != "" {
		if p.Order, err = f.give(cmd, p.Publish); err != nil {
			return err
		}
	}
	return f.tell(cmd, p)
}

func (f *publishFlags) options(path string) (walk.Options, error) {
	now := time.Now().UTC().Truncate(time.Second)
	o := walk.Options{Name: f.name, Version: f.version, Type: f.kind, Origins: f.origins, Created: now}
	if f.order.to != "" || f.order.by != "" || f.order.window != "" || f.order.priority != 0 {
		if _, err := f.order.command(o.Name, content.ID{}); err != nil { // before anything is read
			return o, err
		}
	}
	if o.Name == "" {
		abs, err := filepath.Abs(path)
		if err != nil {
			return o, err
		}
		o.Name = filepath.Base(abs)
	}
	if o.Version == "" {
		o.Version = now.Format("20060102T150405Z")
	}
	if f.expires != "" {
		t, err := time.Parse(time.RFC3339, f.expires)
		if err != nil || !t.After(now) {
			return o, usagef("--expires %q: want a time to come such as 2030-01-31T00:00:00Z", f.expires)
		}
		o.Expires = t.UTC().Truncate(time.Second)
	}
	for label, v := range map[string]string{"--name": o.Name, "--content-version": o.Version, "--type": o.Type} {
		if err := content.ValidName(v); err != nil {
			return o, usagef("%s %q: %v", label, v, err)
		}
	}
	return o, nil
}

// secret reads the publisher's key. It never leaves this process.
func (f *publishFlags) secret() ([]byte, error) {
	path := f.key
	if path == "" {
		path = filepath.Join(f.state, "publisher.key")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("publisher's key: %w", err)
	}
	key, err := content.ParsePublisherSecret(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("publisher's key in %s: %w", path, err)
	}
	return key, nil
}

// uploads is how many chunks are on their way to the hub at once: one is hashed and stored there while the next is cut.
const uploads = 4

// upload cuts the path and gives every chunk to the hub on this machine.
func upload(ctx context.Context, c *client.Client, path string, o walk.Options) (*content.Manifest, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(uploads)
	m, err := walk.Publish(path, o, func(id content.ID, data []byte) error {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		body := bytes.Clone(data)
		g.Go(func() error {
			return c.Call(ctx, http.MethodPut, "chunks/"+id.String(), bytes.NewReader(body), nil)
		})
		return nil
	})
	if failed := g.Wait(); failed != nil && !errors.Is(failed, context.Canceled) {
		return nil, failed
	}
	return m, err
}

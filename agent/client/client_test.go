// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"

	"github.com/ebbproject/ebb/agent/api"
)

// daemon answers each request with raw bytes and hangs up.
func daemon(t *testing.T, answer string) *Client {
	dir, err := os.MkdirTemp("", "e") // short: the path of a socket has at most 100 characters or so
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", Socket(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		os.RemoveAll(dir)
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := c.Read(make([]byte, 4096)); err == nil {
				_, _ = io.WriteString(c, answer)
			}
			c.Close()
		}
	}()
	c := New(dir)
	t.Cleanup(c.Close)
	return c
}

func TestWhoDoesNotAnswerIsUnreachable(t *testing.T) {
	for name, c := range map[string]*Client{
		"nobody is there":               New(t.TempDir()),
		"it goes away at once":          daemon(t, ""),
		"it goes away in the header":    daemon(t, "HTTP/1.1 200 OK\r\nContent-"),
		"it goes away in mid-answer":    daemon(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
		"what is there speaks no HTTP":  daemon(t, "SSH-2.0-nothing\r\n"),
		"it goes away between two rows": daemon(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"),
	} {
		if _, err := c.Status(t.Context()); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhoHasGivenUpIsNotToldThatNobodyIsThere(t *testing.T) {
	c := daemon(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Status(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreachable) {
		t.Error(err)
	}
}

func TestAProblemIsReported(t *testing.T) {
	c := daemon(t, "HTTP/1.1 404 Not Found\r\nContent-Length: 41\r\n\r\n"+`{"title":"no flow","code":"not-found"}   `)
	var p *api.Problem
	if _, err := c.Flow(t.Context(), "f1"); !errors.As(err, &p) || p.Code != api.CodeNotFound || p.Title != "no flow" {
		t.Error(err)
	}
	c = daemon(t, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nBad!")
	if err := c.Call(t.Context(), http.MethodPost, "flows", nil, nil); !errors.As(err, &p) || p.Code != api.CodeInternal {
		t.Error(err)
	}
}

func TestAnAnswerThatIsNoDocumentIsAnError(t *testing.T) {
	c := daemon(t, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwhat")
	if _, err := c.Status(t.Context()); err == nil || errors.Is(err, ErrUnreachable) {
		t.Error(err)
	}
}

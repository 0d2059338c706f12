// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Path is where the control port offers the bus.
const Path = "/v1/bus"

// The names of the cookies that carry a ticket.
const (
	cookieUser     = "ebb-user"
	cookiePassword = "ebb-password"
)

// websocketWithin bounds the beginning of a conversation within this host.
const websocketWithin = 10 * time.Second

// websocket lets the server be reached from this host only, by those whom Through sends.
func websocket() server.WebsocketOpts {
	return server.WebsocketOpts{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoTLS: true, UsernameCookie: cookieUser, PasswordCookie: cookiePassword,
		HandshakeTimeout: websocketWithin}
}

// Through hands a host onto the bus that asked for it on the control port, over WebSocket, with a certificate that was verified there.
// It is nil where the bus has a port of its own.
func (h *Hub) Through() func(http.ResponseWriter, *http.Request, *x509.Certificate) {
	if h == nil || h.inner == "" {
		return nil
	}
	quiet := slog.NewLogLogger(h.gate.c.Log.Handler(), slog.LevelDebug)
	return func(w http.ResponseWriter, r *http.Request, leaf *x509.Certificate) {
		who, err := identified(leaf)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		user, password := h.gate.ticket(who)
		proxy := httputil.ReverseProxy{ErrorLog: quiet, Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: h.inner})
			p.Out.URL.Path = "/"
			p.Out.Header.Del("Cookie")
			p.Out.AddCookie(&http.Cookie{Name: cookieUser, Value: user})
			p.Out.AddCookie(&http.Cookie{Name: cookiePassword, Value: password})
		}}
		proxy.ServeHTTP(w, r)
	}
}

// Inner is where the server listens within this host; empty: nowhere.
func (h *Hub) Inner() string {
	if h.inner == "" {
		return ""
	}
	return "ws://" + h.inner
}

// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/transfer"
	"github.com/ebbproject/ebb/transfer/carrier"
)

// However many messages have arrived together, each one reaches the session: a lost piece of a chunk would be missed
// only when its request has stalled.
func TestEveryMessageThatArrivedIsDelivered(t *testing.T) {
	now := time.Now()
	c := transfer.DefaultConfig()
	c.Hello.Peer = "us"
	p := &conversation{conn: &carrier.Conn{}, session: transfer.New(now, c)}
	c.Hello.Peer = "them"
	m, _, _ := transfer.New(now, c).Next(now, nil, transfer.MaxMessage)
	messages := make(chan []byte, 8)
	var sent int64
	for nonce := range uint64(100) {
		for len(messages) < cap(messages) {
			messages <- transfer.Ping{Nonce: nonce}.Append(nil)
			sent += int64(len(transfer.Ping{Nonce: nonce}.Append(nil)))
		}
		sent += int64(len(m))
		if !p.deliver(m, true, messages) {
			t.Fatal("the end of the connection was seen where there was none")
		}
		m = transfer.Ping{Nonce: nonce}.Append(nil)
	}
	for len(messages) > 0 {
		p.deliver(<-messages, true, messages)
	}
	if got := p.session.Stats().Received; got != sent {
		t.Errorf("%d bytes of messages reached the session, %d arrived", got, sent)
	}
}

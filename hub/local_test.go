// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/store"
)

// A content is published, found by name and id, and is there after a power cut.
func TestPublish(t *testing.T) {
	w := newWorld(t)
	n, c := w.host("oslo")
	if _, err := c.Content(context.Background(), "image"); !errors.Is(err, client.ErrNotFound) || !strings.Contains(err.Error(), "image") {
		t.Fatalf("%v", err)
	}
	m, data := article("image", w.clock())
	id, err := w.publish(m, data, w.publisher())
	w.must(err)
	if len(w.published) != 1 {
		t.Errorf("the data plane was told %d times", len(w.published))
	}
	again, err := w.publish(m, data, w.publisher())
	if err != nil || again != id {
		t.Errorf("again: %v, %v", again, err)
	}
	w.cutPower()
	for _, ref := range []string{"image", id.String()} {
		if got := w.newest(n, c, ref); got != id {
			t.Errorf("%s is %s", ref, got)
		}
	}
	for _, ref := range []string{"imag", content.Sum(nil).String(), "..", "a/b", "%2e", strings.ToUpper(id.String())} {
		if _, err := c.Content(context.Background(), ref); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

// A name never goes back, whatever is published later, and not by a restart.
func TestNamesNeverGoBack(t *testing.T) {
	w := newWorld(t)
	n, c := w.host("oslo")
	now := w.clock()
	ids := map[time.Duration]content.ID{}
	for _, x := range []struct{ made, stands time.Duration }{{-time.Hour, -time.Hour}, {0, 0}, {-2 * time.Hour, 0}, {time.Minute, time.Minute}, {0, time.Minute}} {
		m, data := article("image", now.Add(x.made))
		id, err := w.publish(m, data, w.publisher())
		w.must(err)
		ids[x.made] = id
		for range 2 {
			if got := w.newest(n, c, "image"); got != ids[x.stands] {
				t.Fatalf("after the one made at %s the name stands for %s", x.made, got.Short())
			}
			if got := w.newest(n, c, id.String()); got != id {
				t.Fatalf("by its id: %s", got.Short())
			}
			w.restart()
		}
	}
}

func TestPublicationsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	_, c := w.host("oslo")
	stranger := ed25519.NewKeyFromSeed(make([]byte, 32))
	expired, expiredData := article("expired", w.clock().Add(-2*time.Hour))
	expired.Expires = expired.Created.Add(time.Hour)
	future, futureData := article("future", w.clock().Add(2*madeAhead))
	good, data := article("good", w.clock())

	_, err := w.publish(good, data, stranger)
	var p *api.Problem
	if !errors.As(err, &p) || p.Code != api.CodeIntegrity || !strings.Contains(p.Hint, content.MarshalPublisherKey(stranger.Public().(ed25519.PublicKey))) {
		t.Errorf("a stranger: %+v", p)
	}
	if _, err := w.publish(expired, expiredData, w.publisher()); code(err) != api.CodeIntegrity || !strings.Contains(err.Error(), "expired") {
		t.Errorf("expired: %v", err)
	}
	if _, err := w.publish(future, futureData, w.publisher()); code(err) != api.CodeBadRequest || !strings.Contains(err.Error(), "clock is 2h0m ahead of the hub's") {
		t.Errorf("from the future: %v", err)
	}
	signed, err := content.Sign(good, w.publisher())
	w.must(err)
	signed.Signature[0] ^= 1
	if err := w.operator("POST", "contents", signed.Encode(), nil); code(err) != api.CodeIntegrity {
		t.Errorf("a bad signature: %v", err)
	}
	if err := w.operator("POST", "contents", []byte("hello"), nil); code(err) != api.CodeBadRequest {
		t.Errorf("no manifest: %v", err)
	}
	hollow, _ := article("hollow", w.clock())
	hollow.Chunks = append(hollow.Chunks, content.Chunk{ID: content.Sum([]byte("missing")), Size: 7})
	hollow.Entries[0].Size += 7
	signed, err = content.Sign(hollow, w.publisher())
	w.must(err)
	if err := w.operator("POST", "contents", signed.Encode(), nil); code(err) != api.CodeIncomplete || !strings.Contains(err.Error(), "2 of 2 chunks") {
		t.Errorf("without its chunks: %v", err)
	}
	for _, name := range []string{"good", "expired", "future", "hollow"} {
		if _, err := c.Content(context.Background(), name); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(w.published) != 0 {
		t.Error("the data plane was told of one")
	}
}

// The data plane does not take it: the publisher hears so, and publishes again.
func TestPublishWhenTheDataPlaneRefuses(t *testing.T) {
	w := newWorld(t)
	n, c := w.host("oslo")
	told := w.hub.o.Published
	w.hub.o.Published = func([]byte) error { return errors.New("shutting down") }
	m, data := article("image", w.clock())
	if _, err := w.publish(m, data, w.publisher()); err == nil || !strings.Contains(err.Error(), "shutting down") {
		t.Fatalf("%v", err)
	}
	w.hub.o.Published = told
	id, err := w.publish(m, data, w.publisher())
	if err != nil || w.newest(n, c, "image") != id {
		t.Errorf("%v", err)
	}
}

func TestChunks(t *testing.T) {
	w := newWorld(t)
	data := []byte("chunk")
	path := "chunks/" + content.Sum(data).String()
	if err := w.operator("HEAD", path, nil, nil); err == nil {
		t.Error("there before it was put")
	}
	for what, x := range map[string]struct {
		path string
		body []byte
		code string
	}{
		"other bytes": {path, []byte("hello"), api.CodeIntegrity},
		"no bytes":    {"chunks/" + content.Sum(nil).String(), []byte{}, api.CodeBadRequest},
		"too many":    {path, make([]byte, content.MaxChunk+1), api.CodeBadRequest},
		"no id":       {"chunks/x", data, api.CodeBadRequest},
	} {
		if err := w.operator("PUT", x.path, x.body, nil); code(err) != x.code {
			t.Errorf("%s: %v", what, err)
		}
	}
	w.must(w.operator("PUT", path, data, nil))
	w.must(w.operator("PUT", path, data, nil))
	w.must(w.operator("HEAD", path, nil, nil))
	if err := w.operator("HEAD", "chunks/x", nil, nil); err == nil {
		t.Error("no id")
	}
	if got, err := w.hub.o.Store.Get(content.Sum(data), nil); err != nil || string(got) != "chunk" {
		t.Errorf("%q, %v", got, err)
	}
}

// A publisher whose secret is elsewhere: pinned at the hub, believed there at once, by new hosts when they enrol and by
// old ones when they renew, and by nobody through an exchange of news.
func TestFurtherPublishers(t *testing.T) {
	w := newWorld(t)
	old, c := w.host("oslo")
	secret := ed25519.NewKeyFromSeed([]byte(strings.Repeat("s", 32)))
	text := content.MarshalPublisherKey(secret.Public().(ed25519.PublicKey))
	m, data := article("image", w.clock())
	if _, err := w.publish(m, data, secret); code(err) != api.CodeIntegrity {
		t.Fatalf("%v", err)
	}
	var doc struct{ Publishers []string }
	for range 2 { // the second time changes nothing
		w.must(w.operator("POST", "publishers", map[string]string{"key": text}, &doc))
		if len(doc.Publishers) != 2 || doc.Publishers[1] != text || len(w.pinned) != 2 || !w.pinned[1].Equal(secret.Public()) {
			t.Fatalf("%v, the data plane pins %d", doc.Publishers, len(w.pinned))
		}
	}
	id, err := w.publish(m, data, secret)
	w.must(err)
	w.restart()
	w.must(w.operator("GET", "publishers", nil, &doc))
	if len(doc.Publishers) != 2 {
		t.Errorf("after a restart: %v", doc.Publishers)
	}

	reply, err := sync1(c, fleet.SyncRequest{})
	w.must(err)
	if b, err := json.Marshal(reply); err != nil || strings.Contains(string(b), "publisher") {
		t.Errorf("news carry keys: %s, %v", b, err)
	}
	believes := func(n *node.Node) bool {
		raw, err := c.Content(context.Background(), id.String())
		w.must(err)
		s, err := content.ParseSigned(raw)
		w.must(err)
		_, err = s.Verify(n.Publishers, w.clock())
		return err == nil
	}
	fresh, _ := w.host("rome")
	if believes(mustLoad(t, old.Dir)) || !believes(fresh) {
		t.Error("the old host knows the key, or the new one does not")
	}
	_, err = c.Renew(context.Background())
	w.must(err)
	if !believes(mustLoad(t, old.Dir)) {
		t.Error("renewal did not bring the key")
	}

	w.must(w.operator("DELETE", "publishers?key="+url.QueryEscape(text), nil, &doc))
	if len(doc.Publishers) != 1 || doc.Publishers[0] == text || len(w.pinned) != 1 {
		t.Errorf("removed: %v", doc.Publishers)
	}
	other, data := article("other", w.clock())
	if _, err := w.publish(other, data, secret); code(err) != api.CodeIntegrity {
		t.Errorf("after it was removed: %v", err)
	}
	if _, err := w.publish(other, data, w.publisher()); err != nil {
		t.Error(err)
	}
	_, err = c.Renew(context.Background())
	w.must(err)
	if believes(mustLoad(t, old.Dir)) {
		t.Error("renewal did not take the key away")
	}
}

func TestKeysThatAreNone(t *testing.T) {
	w := newWorld(t)
	secret := content.MarshalPublisherSecret(w.publisher())
	for _, key := range []string{"", "hello", secret} {
		err := w.operator("POST", "publishers", map[string]string{"key": key}, nil)
		if code(err) != api.CodeBadRequest || key != "" && strings.Contains(err.Error(), key) {
			t.Errorf("%v", err)
		}
	}
	if err := w.operator("DELETE", "publishers", nil, nil); code(err) != api.CodeBadRequest {
		t.Errorf("%v", err)
	}
	if strings.Contains(w.log.String(), secret) {
		t.Error("the secret is in the log")
	}
	for i := range maxPublishers - 1 {
		key := make([]byte, 32)
		key[0], key[1] = byte(i), 1
		w.hub.node.Publishers = append(w.hub.node.Publishers, key)
	}
	err := w.operator("POST", "publishers", map[string]string{"key": content.MarshalPublisherKey(make([]byte, 32))}, nil)
	if code(err) != api.CodeBadRequest || !strings.Contains(err.Error(), "at most") {
		t.Errorf("too many: %v", err)
	}
}

// Records that make no sense are left out and named in the log; the hub starts.
func TestNonsenseInTheJournal(t *testing.T) {
	w := newWorld(t)
	n, c := w.host("oslo")
	m, data := article("image", w.clock())
	id, err := w.publish(m, data, w.publisher())
	w.must(err)
	good := w.token("1h", "")
	hash := strings.Repeat("0a", 32)
	w.must(w.hub.o.Store.Record(store.Record{Key: keyToken + "xyz", Value: []byte("{}")}, store.Record{Key: keyToken + hash, Value: []byte(`{"x":1}`)},
		store.Record{Key: keyContent + hash, Value: []byte("hello")}))
	w.restart()
	if got := strings.Count(w.log.String(), "left out"); got != 3 {
		t.Errorf("%d records were left out: %s", got, &w.log)
	}
	if w.newest(n, c, "image") != id {
		t.Error("the good ones are gone")
	}
	if _, err := w.enroll(good, "oslo"); err != nil {
		t.Error(err)
	}
}

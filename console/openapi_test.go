// SPDX-License-Identifier: Apache-2.0

package console

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/console/gate"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/golden"
)

// operation is what the file says of a route beside its role; the schemas come from the types.
type operation struct {
	summary string
	reply   any    // nil: no document
	status  int    // zero: 200
	query   string // the columns of a list; empty: none
	ask     string // of a request, as an example
	asks    any    // the document that is sent; nil with ask: a name and a role
	stream  bool
	asked   []string // parameters, which may be left out
}

var operations = map[string]operation{
	"GET /api/v1/overview":                     {summary: "The fleet as a whole", reply: board.Overview{}},
	"GET /api/v1/history":                      {summary: "Rates and queue of the fleet over the last ten minutes", reply: board.History{}},
	"GET /api/v1/locations":                    {summary: "Locations, found, sorted and cut into pages", reply: List[board.Location]{}, query: strings.Join(locationColumns, " ")},
	"GET /api/v1/locations/{location}":         {summary: "One location and its contents", reply: board.LocationPage{}},
	"GET /api/v1/locations/{location}/peers":   {summary: "The hosts of a location, found, sorted and cut into pages; those that fetch first", reply: List[board.Host]{}, query: strings.Join(hostColumns, " ")},
	"GET /api/v1/locations/{location}/history": {summary: "Rates and queue of a location over the last ten minutes", reply: board.History{}},
	"GET /api/v1/types":                        {summary: "Contents by content type", reply: types{}},
	"GET /api/v1/contents":                     {summary: "Contents, found, sorted and cut into pages", reply: List[board.Content]{}, query: strings.Join(contentColumns, " ")},
	"GET /api/v1/contents/{content}":           {summary: "One content by its id or name: how many have it, and where the bytes came from", reply: board.ContentPage{}},
	"GET /api/v1/contents/{content}/locations": {summary: "Who has what of a content by location, found, sorted and cut into pages; where most fetch first", reply: List[board.Share]{}, query: strings.Join(shareColumns, " ")},
	"GET /api/v1/peers":                        {summary: "Hosts by how their names begin (q), the first 50", reply: foundHosts{}, asked: []string{"q"}},
	"GET /api/v1/peers/{peer}":                 {summary: "One host: its flows and what it holds", reply: board.PeerPage{}},
	"GET /api/v1/waiting":                      {summary: "Why flows wait, those reasons first for which most do", reply: waits{}},
	"GET /api/v1/events":                       {summary: "How the fleet stands every two seconds: event overview with the document of /api/v1/overview, and at the end of the session event end", stream: true},
	"GET /api/v1/session":                      {summary: "Who the asker is", reply: session{}},
	"DELETE /api/v1/session":                   {summary: "End the session", status: http.StatusNoContent},
	"GET /api/v1/audit":                        {summary: "What was ordered, 50 entries from the newest or from the one that is named before; who signed in and what was refused", reply: audit{}, asked: []string{"before"}},
	"GET /api/v1/orders":                       {summary: "What is ordered now, newest first", reply: orders{}},
	"GET /api/v1/policies":                     {summary: "The policies in force, newest first; of a key (key), or those that decide for a selector (at)", reply: policies{}, asked: []string{"key", "at"}},
	"GET /api/v1/policies/history":             {summary: "The last 50 changes of policies, newest first; of a key (key)", reply: entries{}, asked: []string{"key"}},
	"GET /api/v1/policies/diff":                {summary: "The policies that are not as they were after an entry of the audit (since), or before all", reply: policyDiff{}, asked: []string{"since"}},
	"POST /api/v1/steer/preview":               {summary: "What an order would touch; nothing is changed", reply: Previewed{}, ask: `{"verb":"pause","selector":"location=berlin","for":"2h"}`, asks: order{}},
	"POST /api/v1/steer": {summary: "Give an order; one that touches much, or nothing, needs what its preview said. 409: it has become more, or is not confirmed", reply: desired.Entry{},
		status: http.StatusCreated, ask: `{"verb":"pause","selector":"location=berlin","seen":{"endpoints":0,"locations":0,"contents":0,"flows":0,"nothing":true}}`, asks: order{}},
	"POST /api/v1/links":       {summary: "A link that lets somebody in once", reply: Link{}, status: http.StatusCreated, ask: `{"name":"bob","role":"viewer"}`},
	"GET /api/v1/openapi.json": {summary: "This file"},
}

type object = map[string]any

// schemas makes JSON schemas of types, by name.
type schemas map[string]any

func (s schemas) of(t reflect.Type) any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[desired.Selector]():
		return object{"type": "string"}
	case t == reflect.TypeFor[content.ID]():
		return object{"type": "string", "pattern": "^[0-9a-f]{64}$"}
	case t == reflect.TypeFor[json.RawMessage](): // of a document of a location, of which no answer tells
		return object{"type": "object"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		x := maps.Clone(s.of(t.Elem()).(object))
		if x["type"] == nil { // of a document: it is left out and never null
			return x
		}
		x["type"] = []any{x["type"], "null"}
		return x
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Struct:
		name := strings.NewReplacer("List[github.com/ebbproject/ebb/fleet/board.", "ListOf", "]", "").Replace(t.Name())
		name = strings.ToUpper(name[:1]) + name[1:]
		if _, known := s[name]; !known {
			s[name] = nil // so that it ends
			s[name] = s.fields(t)
		}
		return object{"$ref": "#/components/schemas/" + name}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64:
		return object{"type": "number"}
	}
	return object{"type": "integer"}
}

func (s schemas) fields(t reflect.Type) object {
	properties, required := object{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		tag := f.Tag.Get("json")
		if f.Anonymous && tag == "" || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		properties[name] = s.of(f.Type)
		if options == "" && !slices.Contains(required, name) {
			required = append(required, name)
		}
	}
	slices.Sort(required)
	return object{"type": "object", "properties": properties, "required": required}
}

// describe makes the file from the routes.
func describe(t *testing.T) []byte {
	t.Helper()
	s, paths := schemas{}, object{}
	problem := object{"description": "An error (RFC 9457)", "content": object{"application/problem+json": object{"schema": s.of(reflect.TypeFor[api.Problem]())}}}
	for _, r := range apiRoutes() {
		o, ok := operations[r.method+" "+r.path]
		if !ok {
			t.Fatalf("nothing is said of %s %s", r.method, r.path)
		}
		status := fmt.Sprint(max(o.status, http.StatusOK))
		good := object{"description": "Done"}
		switch {
		case o.stream:
			good["content"] = object{"text/event-stream": object{"schema": object{"type": "string"}}}
		case o.reply != nil:
			good["content"] = object{"application/json": object{"schema": s.of(reflect.TypeOf(o.reply))}}
		case o.status == 0:
			good["content"] = object{"application/json": object{"schema": object{"type": "object"}}}
		}
		op := object{"summary": o.summary, "responses": object{status: good, "default": problem}, "description": "Takes the role " + r.role.String() + "."}
		if r.role == gate.Nobody {
			op["security"], op["description"] = []any{}, "For everybody."
		}
		p := parameters(r.path, o.query)
		for _, name := range o.asked {
			p = append(p, object{"name": name, "in": "query", "schema": object{"type": "string"}})
		}
		if p != nil {
			op["parameters"] = p
		}
		if o.ask != "" {
			roles := object{"type": "string", "enum": []string{"viewer", "operator", "admin"}}
			schema := object{"type": "object", "properties": object{"name": object{"type": "string"}, "role": roles}, "required": []string{"name", "role"}}
			if o.asks != nil {
				schema = s.of(reflect.TypeOf(o.asks)).(object)
			}
			op["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": schema}}}
		}
		if paths[r.path] == nil {
			paths[r.path] = object{}
		}
		paths[r.path].(object)[strings.ToLower(r.method)] = op
	}
	doc := object{"openapi": "3.1.0", "info": object{"title": "Ebb's console", "version": "1", "description": "What the pages show, for programs. Bytes are bytes, " +
		"rates bits per second, delays milliseconds; null is what is not known. Fields are only ever added."},
		"paths": paths, "security": []any{object{"session": []any{}}},
		"components": object{"schemas": s, "securitySchemes": object{"session": object{"type": "apiKey", "in": "cookie", "name": "ebb_console_PORT"}}}}
	b, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func parameters(path, columns string) (list []any) {
	for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		list = append(list, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	if columns == "" {
		return list
	}
	for _, q := range []struct {
		name   string
		schema object
	}{{"q", object{"type": "string", "maxLength": 128}}, {"type", object{"type": "string"}}, {"region", object{"type": "string"}},
		{"sort", object{"type": "string", "enum": strings.Fields(columns)}}, {"order", object{"type": "string", "enum": []string{"asc", "desc"}}},
		{"page", object{"type": "integer", "minimum": 1}}, {"size", object{"type": "integer", "minimum": 1, "maximum": mostPerPage}}} {
		list = append(list, object{"name": q.name, "in": "query", "schema": q.schema})
	}
	return list
}

// The file says what the types are; -update writes it.
func TestTheFileSaysWhatTheHandlersAre(t *testing.T) {
	golden.Check(t, "openapi.json", describe(t))
}

// Every handler is in the file, every path of the file has a handler, and that one answers in the form that the file tells.
func TestTheHandlersDoWhatTheFileSays(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct{ Schema any }
			}
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	handlers := map[string]bool{}
	for _, r := range apiRoutes() {
		handlers[strings.ToLower(r.method)+" "+r.path] = true
		if _, ok := doc.Paths[r.path][strings.ToLower(r.method)]; !ok {
			t.Errorf("%s %s is not in the file", r.method, r.path)
		}
	}
	w := newWorld(t, 2)
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if !handlers[method+" "+path] {
				t.Errorf("%s %s has no handler", method, path)
				continue
			}
			o := operations[strings.ToUpper(method)+" "+path]
			if o.stream {
				continue // see TestEventsComeUntilTheSessionEnds
			}
			concrete := strings.NewReplacer("{location}", "berlin", "{content}", "image", "{peer}", peerA).Replace(path)
			resp, body := w.asks(w.somebody(gate.Admin), strings.ToUpper(method), concrete, o.ask)
			said, ok := op.Responses[fmt.Sprint(resp.StatusCode)]
			if !ok {
				t.Errorf("%s %s: %s is not in the file: %s", method, path, resp.Status, body)
				continue
			}
			if said.Content == nil {
				continue
			}
			var v any
			if err := json.Unmarshal([]byte(body), &v); err != nil {
				t.Error(err)
			}
			for _, wrong := range fits(doc.Components.Schemas, said.Content[resp.Header.Get("Content-Type")].Schema, v, "answer") {
				t.Errorf("%s %s: %s", method, path, wrong)
			}
		}
	}
}

// fits lists where a value is not of the form that a schema tells. What the schema does not name is wrong, too.
func fits(all map[string]any, schema, v any, at string) (wrong []string) {
	s, ok := schema.(object)
	if !ok {
		return []string{at + " is not described"}
	}
	if ref, ok := s["$ref"].(string); ok {
		return fits(all, all[strings.TrimPrefix(ref, "#/components/schemas/")], v, at)
	}
	kinds, ok := s["type"].([]any)
	if !ok {
		kinds = []any{s["type"]}
	}
	kind := map[reflect.Kind]string{reflect.Invalid: "null", reflect.String: "string", reflect.Bool: "boolean", reflect.Float64: "number",
		reflect.Slice: "array", reflect.Map: "object"}[reflect.ValueOf(v).Kind()]
	if f, whole := v.(float64); whole && f == float64(int64(f)) && slices.Contains(kinds, any("integer")) {
		kind = "integer"
	}
	if !slices.Contains(kinds, any(kind)) {
		return []string{fmt.Sprintf("%s is %v, a %s, and not %v", at, v, kind, kinds)}
	}
	switch v := v.(type) {
	case string:
		if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
			wrong = append(wrong, fmt.Sprintf("%s is %q and not %s", at, v, p))
		}
	case []any:
		for i, x := range v {
			wrong = append(wrong, fits(all, s["items"], x, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case object:
		properties, _ := s["properties"].(object)
		for name, x := range v {
			if properties != nil {
				wrong = append(wrong, fits(all, properties[name], x, at+"."+name)...)
			}
		}
		required, _ := s["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				wrong = append(wrong, at+" lacks "+name.(string))
			}
		}
	}
	return wrong
}

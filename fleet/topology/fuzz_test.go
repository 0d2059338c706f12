// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func seeds(f *testing.F, pattern string) {
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// whole: what a parser accepts is in order, survives its own document, and can be searched.
func whole(t *testing.T, top *Topology, err error) {
	if err != nil {
		if top != nil {
			t.Fatal("half a topology")
		}
		return
	}
	again, err := Decode(top.Encode())
	if err != nil {
		t.Fatalf("its document is refused: %v\n%s", err, top.Encode())
	}
	if d := Diff(top, again); len(d) > 0 {
		t.Fatalf("it differs from itself: %v", d)
	}
	x := NewIndex(again)
	for i := range again.Locations {
		for _, s := range again.Locations[i].Subnets {
			if m, ok := x.Lookup(s.Network.Addr()); !ok || m.Location.Name != again.Locations[i].Name {
				t.Fatalf("%s is not in %s", s.Network.Addr(), again.Locations[i].Name)
			}
		}
	}
}

func FuzzCSV(f *testing.F) {
	seeds(f, "*.csv")
	f.Fuzz(func(t *testing.T, b []byte) {
		top, err := ParseCSV(bytes.NewReader(b))
		whole(t, top, err)
	})
}

func FuzzYAML(f *testing.F) {
	seeds(f, "*.yaml")
	f.Fuzz(func(t *testing.T, b []byte) {
		top, err := ParseYAML(bytes.NewReader(b))
		whole(t, top, err)
	})
}

func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"format":1,"version":3,"regions":["a"],"locations":[{"name":"b","link":"lan","subnets":[{"network":"10.0.0.0/8"}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		top, err := Decode(b)
		whole(t, top, err)
	})
}

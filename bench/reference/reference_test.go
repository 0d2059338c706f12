// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"errors"
	"flag"
	"testing"

	"go.uber.org/goleak"
)

var size = flag.Int64("size", 4<<20, "bytes to move in each measurement")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEachReferenceMeasures(t *testing.T) {
	for _, r := range []struct {
		name    string
		measure func(int64) (Result, error)
	}{{"TLS", TLS}, {"SCTP", SCTP}, {"Nginx", Nginx}, {"Files", func(n int64) (Result, error) { return Files(t.TempDir(), n) }}} {
		t.Run(r.name, func(t *testing.T) {
			got, err := r.measure(*size + 1) // no multiple of anything
			if errors.Is(err, ErrNotInstalled) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Bytes != *size+1 || got.Seconds <= 0 {
				t.Errorf("measured %+v", got)
			}
			t.Logf("%.2f Gbit/s, %.2f CPU-s a GB", got.Gbits(), got.CPUPerGB())
		})
	}
}

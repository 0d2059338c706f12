// SPDX-License-Identifier: Apache-2.0

package lan

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/ebbproject/ebb/transfer/carriertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	fleet := newAuthority(t, "fleet")
	carriertest.Conformance(t, func(t *testing.T) (carriertest.Conn, carriertest.Conn) {
		return join(t, listen(t, fleet, "a", nil), listen(t, fleet, "b", nil))
	})
}

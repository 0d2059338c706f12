// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/spf13/pflag"

	"github.com/ebbproject/ebb/metrics"
)

// metricsFlags is where an agent shows its figures beside its socket.
type metricsFlags struct {
	listen string
	public bool

	addr netip.AddrPort // not valid: nowhere
}

// noMetrics switches the port off.
const noMetrics = "none"

func (f *metricsFlags) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.listen, "metrics", noMetrics, "loopback address where /metrics, /livez and /readyz are shown beside the local API; port 0: any; none: nowhere")
	fl.BoolVar(&f.public, "metrics-public", false, "--metrics may be an address that others reach; they read without asking")
}

// understand reads the address, before anything is opened.
func (f *metricsFlags) understand() (err error) {
	if f.listen == noMetrics {
		return nil
	}
	if f.addr, err = netip.ParseAddrPort(f.listen); err != nil {
		return &configError{fmt.Sprintf("metrics.listen %q: want an address and a port such as 127.0.0.1:9734, or %s", f.listen, noMetrics)}
	}
	if !f.addr.Addr().IsLoopback() && !f.public {
		return &hintedError{fmt.Sprintf("%v, not on %s", metrics.ErrNotLoopback, f.addr), "a loopback address, or --metrics-public to let whoever reaches it read",
			exitConfig, metrics.ErrNotLoopback}
	}
	return nil
}

// serve opens the port, if there is to be one, and says where it is.
func (f *metricsFlags) serve(h http.Handler) (at string, stop func() error, err error) {
	if !f.addr.IsValid() {
		return "", func() error { return nil }, nil
	}
	addr, stop, err := metrics.Serve(f.addr, f.public, h)
	if err != nil {
		return "", nil, err
	}
	return "http://" + addr.String() + "/metrics", stop, nil
}

// withFigures answers what a monitoring system asks for, and leaves the rest to the local API.
func withFigures(figures, local http.Handler) http.Handler {
	mux := http.NewServeMux()
	for _, path := range metrics.Paths {
		mux.Handle("GET "+path, figures)
	}
	mux.Handle("/", local)
	return mux
}

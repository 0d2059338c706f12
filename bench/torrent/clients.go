// SPDX-License-Identifier: Apache-2.0

package torrent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/ebbproject/ebb/process"
)

// Clients are the ones that are known, by name.
var Clients = map[string]Client{"aria2": aria2{}, "transmission": transmission{}, "libtorrent": libtorrent{"uTP"}, "libtorrent-tcp": libtorrent{"TCP"}}

// aria2 moves data over TCP.
type aria2 struct{}

func (aria2) Installed(context.Context) error { return needs("aria2c") }

func (aria2) program(s seat) (process.Program, error) {
	port := strconv.Itoa(s.at.Port)
	return process.Program{Args: []string{"aria2c", "--dir", s.files(), "--listen-port", port, "--enable-dht=false", "--bt-enable-lpd=false",
		"--enable-peer-exchange=false", "--check-integrity=true", "--seed-ratio=0.0", "--file-allocation=none", "--summary-interval=0",
		"--show-console-readout=false", "--follow-torrent=false", "--torrent-file=" + s.file}}, nil
}

// transmission prefers uTP.
type transmission struct{}

func (transmission) Installed(context.Context) error { return needs("transmission-daemon") }

func (transmission) program(s seat) (process.Program, error) {
	watched := filepath.Join(s.dir, "watched")
	settings, err := json.Marshal(map[string]any{"download-dir": s.files(), "watch-dir": watched, "watch-dir-enabled": true, "peer-port": s.at.Port,
		"utp-enabled": true, "dht-enabled": false, "lpd-enabled": false, "pex-enabled": false, "port-forwarding-enabled": false, "rpc-enabled": false,
		"bind-address-ipv4": s.at.Addr.String(), "ratio-limit-enabled": false, "idle-seeding-limit-enabled": false})
	if err != nil {
		return process.Program{}, err
	}
	torrent, err := os.ReadFile(s.file)
	if err != nil {
		return process.Program{}, err
	}
	return process.Program{Args: []string{"transmission-daemon", "--foreground", "--config-dir", s.dir, "--log-error"}},
		errors.Join(os.MkdirAll(watched, 0o700), os.WriteFile(filepath.Join(s.dir, "settings.json"), settings, 0o600),
			os.WriteFile(filepath.Join(watched, "content.torrent"), torrent, 0o600))
}

// libtorrent is told to use nothing but one transport, TCP or uTP.
type libtorrent struct{ transport string }

// python is the one that the distribution's packages are for.
const python = "/usr/bin/python3"

func (libtorrent) Installed(ctx context.Context) error {
	if _, err := (process.Program{Args: []string{python, "-c", "import libtorrent"}}).Run(ctx); err != nil {
		return fmt.Errorf("%w: no libtorrent for %s", ErrNotInstalled, python)
	}
	return nil
}

func (l libtorrent) program(s seat) (process.Program, error) {
	return process.Program{Args: []string{python, "-c", libtorrentScript, s.file, s.files(), fmt.Sprintf("%s:%d", s.at.Addr, s.at.Port), l.transport}}, nil
}

const libtorrentScript = `
import sys, time
import libtorrent as lt
metainfo, files, listen, transport = sys.argv[1:]
tcp = transport == 'TCP'
session = lt.session({
    'listen_interfaces': listen, 'enable_outgoing_tcp': tcp, 'enable_incoming_tcp': tcp,
    'enable_outgoing_utp': not tcp, 'enable_incoming_utp': not tcp,
    'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False,
    'alert_mask': lt.alert.category_t.error_notification,
})
session.add_torrent({'ti': lt.torrent_info(metainfo), 'save_path': files})
try:
    while True:
        time.sleep(1)
        for alert in session.pop_alerts():
            print(alert, file=sys.stderr)
except KeyboardInterrupt:
    pass
`

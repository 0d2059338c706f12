// SPDX-License-Identifier: Apache-2.0

// Package deploy holds files for those who run Ebb: units for systemd, what Prometheus and Grafana are to show, and a lab for
// containers. Its test holds them against the program.
package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/metrics"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// known reports what a query asks for that nobody shows.
func known(t *testing.T, where, query string) {
	t.Helper()
	for _, name := range regexp.MustCompile(`\bebb_[a-z_]+\b`).FindAllString(query, -1) {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		if !slices.Contains(metrics.Names(), base) {
			t.Errorf("%s asks for %s, which nobody shows", where, name)
		}
		for _, m := range regexp.MustCompile(name+`\{[^}]*\b(source|class|reason|state)="([^"]*)"`).FindAllStringSubmatch(query, -1) {
			if !slices.Contains(metrics.Labels(base, m[1]), m[2]) {
				t.Errorf("%s: %s never has %s=%q", where, base, m[1], m[2])
			}
		}
	}
}

func TestTheDashboardShowsWhatThereIs(t *testing.T) {
	var d struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct{ List []struct{ Query string } }
	}
	if err := json.Unmarshal([]byte(read(t, "ebb.dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	all := read(t, "ebb.dashboard.json")
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || len(p.Targets) == 0 {
			t.Errorf("the panel %q (%d) is there twice or asks for nothing", p.Title, p.ID)
		}
		ids[p.ID] = true
		for _, x := range p.Targets {
			known(t, p.Title, x.Expr)
		}
	}
	for _, v := range d.Templating.List {
		known(t, "a variable", v.Query)
	}
	for _, name := range metrics.Names() {
		if !strings.Contains(all, name) {
			t.Errorf("no panel shows %s", name)
		}
	}
}

func TestAlertsWatchWhatThereIs(t *testing.T) {
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	dec := yaml.NewDecoder(strings.NewReader(read(t, "ebb.alerts.yaml")))
	dec.KnownFields(true)
	if err := dec.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			known(t, r.Alert, r.Expr)
			if !strings.Contains(r.Expr, "ebb_") || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("the alert %q does not say what it watches, how bad it is, what happened, or what to do", r.Alert)
			}
		}
	}
}

func TestUnits(t *testing.T) {
	for name, lines := range map[string][]string{
		"ebb-hub.service":   {"Type=notify", "ProtectSystem=strict", "NoNewPrivileges=yes", "--listen [::]:8732 --bus [::]:8734 --console 127.0.0.1:8735"},
		"ebb-agent.service": {"Type=notify", "ProtectSystem=strict", "NoNewPrivileges=yes", "IOSchedulingClass=idle", "--listen [::]:8733"},
	} {
		text := read(t, name)
		for _, line := range lines {
			if !strings.Contains(text, line) {
				t.Errorf("%s does not say %s", name, line)
			}
		}
		verify(t, name, text)
	}
}

// verify asks systemd, with a program that is there for the one that is not installed.
func verify(t *testing.T, name, text string) {
	t.Helper()
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("systemd-analyze is not here")
		return
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "/usr/bin/ebb", "/bin/true")), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, "verify", "--man=no", path).CombinedOutput()
	if err != nil || strings.Contains(string(out), "Unknown") || strings.Contains(string(out), "Failed to parse") {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
}

func TestTheRestIsYAML(t *testing.T) {
	var lab struct {
		Services map[string]struct {
			Image       string
			Entrypoint  []string
			Environment map[string]string
			Networks    []string
		}
		Networks, Volumes, Configs map[string]any
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose.yaml")), &lab); err != nil {
		t.Fatal(err)
	}
	places := map[string]int{}
	for name, s := range lab.Services {
		if s.Image == "" || len(s.Entrypoint) != 3 || len(s.Networks) == 0 {
			t.Errorf("the service %s has no image, no program or no network", name)
		}
		if name != "hub" {
			places[s.Environment["LOCATION"]]++
		}
	}
	if len(places) != 2 || lab.Configs["agent"] == nil {
		t.Errorf("locations %v, configuration %v", places, lab.Configs)
	}
	var p map[string]any
	if err := yaml.Unmarshal([]byte(read(t, "prometheus.yaml")), &p); err != nil || p["scrape_configs"] == nil {
		t.Errorf("prometheus.yaml: %v", err)
	}
}

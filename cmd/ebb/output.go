// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// printJSON prints one document.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// brief shows a duration with two digits or so.
func brief(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// stateFlag adds --state, which picks the instance.
func stateFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("state", defaultState(), "state directory of the instance")
}

func jsonFlag(cmd *cobra.Command) *bool { return cmd.Flags().Bool("json", false, "print JSON") }

// defaultState is where a service keeps its state: what systemd says, else the system's place for it.
func defaultState() string {
	if dir := os.Getenv("EBB_STATE"); dir != "" {
		return dir
	}
	if dir := os.Getenv("STATE_DIRECTORY"); dir != "" {
		return dir
	}
	switch runtime.GOOS {
	case "windows":
		return filepath.Join(os.Getenv("ProgramData"), "ebb")
	case "darwin":
		return "/Library/Application Support/ebb"
	}
	if os.Geteuid() == 0 {
		return "/var/lib/ebb"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "ebb")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "ebb-state"
	}
	return filepath.Join(home, ".local", "state", "ebb")
}

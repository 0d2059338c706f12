// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Root finds the source tree from inside it. It is known by the folder of this package.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "bench", "cmd", "main.go")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("run this inside Ebb's source tree: it builds what it measures")
		}
		dir = up
	}
}

// Tabler is a report that can be read by people; as JSON by programs.
type Tabler interface{ Table(out io.Writer) error }

// Keep writes a report to path.txt and path.json, and says so.
func Keep(r Tabler, path string, progress io.Writer) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	text := &strings.Builder{}
	document, err := json.MarshalIndent(r, "", "  ")
	if err := errors.Join(err, r.Table(text)); err != nil {
		return err
	}
	fmt.Fprintf(progress, "# kept in %s.txt and .json\n", path)
	return errors.Join(os.WriteFile(path+".txt", []byte(text.String()), 0o644), os.WriteFile(path+".json", append(document, '\n'), 0o644))
}

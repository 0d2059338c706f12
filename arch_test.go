// SPDX-License-Identifier: Apache-2.0

// Package ebb holds no code. Its test keeps the house in order: who may look into whose room, and which rooms
// are pure. ARCHITECTURE.md tells the same in words; when the two differ, the test is right and the words are late.
package ebb

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/ebbproject/ebb/"

// A room is a folder with Go files. Floors grow upwards; a room may import rooms of lower floors and its own
// sub-folders' siblings named in may.
type room struct {
	floor int
	pure  bool
	// may lists rooms of the same floor that this one is allowed to see: its own house mates, never a neighbour.
	may []string
}

var rooms = map[string]room{
	"content":       {floor: 1, pure: true},
	"content/walk":  {floor: 1, may: []string{"content"}},
	"ledbat":        {floor: 1, pure: true},
	"ledbat/group":  {floor: 1, pure: true, may: []string{"ledbat"}},
	"ledbat/harm":   {floor: 1, pure: true, may: []string{"ledbat"}},
	"link":          {floor: 1, pure: true},
	"units":         {floor: 1, pure: true},
	"units/strict":  {floor: 1, pure: true, may: []string{"units"}},
	"golden":        {floor: 1},
	"chromium":      {floor: 1},
	"link/relay":    {floor: 1, may: []string{"link"}},
	"link/tun":      {floor: 1, may: []string{"link"}},
	"link/linktest": {floor: 1, may: []string{"link"}},

	"transfer":             {floor: 2, pure: true},
	"transfer/shim":        {floor: 2, pure: true},
	"transfer/seal":        {floor: 2, pure: true},
	"transfer/udp":         {floor: 2},
	"transfer/udp/udptest": {floor: 2, may: []string{"transfer/udp"}},
	"transfer/carrier":     {floor: 2, may: []string{"transfer/shim", "transfer/seal", "transfer/udp"}},
	"transfer/lan":         {floor: 2, may: []string{"transfer/carrier", "transfer/udp"}},
	"transfer/carriertest": {floor: 2, may: []string{"transfer/carrier"}},
	"store":                {floor: 2, may: []string{"store/direct"}},
	"store/direct":         {floor: 2},
	"store/export":         {floor: 2, may: []string{"store"}},
	"scheduler":            {floor: 2, pure: true, may: []string{"scheduler/lease"}},
	"scheduler/lease":      {floor: 2, pure: true},
	"fleet":                {floor: 2, pure: true, may: []string{"fleet/ledger", "fleet/pulse", "fleet/relay"}},
	"fleet/pulse":          {floor: 2, pure: true},
	"fleet/week":           {floor: 2, pure: true},
	"fleet/board":          {floor: 2, pure: true, may: []string{"fleet", "fleet/ledger", "fleet/pulse", "fleet/topology"}},
	"fleet/ledger":         {floor: 2, pure: true},
	"fleet/forecast":       {floor: 2, pure: true},
	"fleet/desired":        {floor: 2, pure: true, may: []string{"fleet"}},
	"fleet/bus":            {floor: 2, may: []string{"fleet", "fleet/desired", "fleet/node"}},
	"fleet/relay":          {floor: 2, pure: true},
	"fleet/topology":       {floor: 2, pure: true, may: []string{"fleet"}},
	"fleet/client":         {floor: 2, may: []string{"fleet", "fleet/node", "fleet/relay"}},
	"fleet/node":           {floor: 2, may: []string{"fleet"}},

	"agent":                 {floor: 3, pure: true, may: []string{"agent/api", "agent/cache", "agent/budget", "agent/discovery", "agent/gentle", "agent/policy", "agent/window"}},
	"agent/budget":          {floor: 3, pure: true},
	"agent/cache":           {floor: 3, pure: true},
	"agent/discovery":       {floor: 3, pure: true},
	"agent/discovery/dnssd": {floor: 3, may: []string{"agent/discovery"}},
	"agent/gentle":          {floor: 3, pure: true},
	"agent/policy":          {floor: 3, pure: true, may: []string{"agent/budget", "agent/cache", "agent/gentle", "agent/window"}},
	"agent/sense":           {floor: 3, may: []string{"agent/gentle"}},
	"agent/window":          {floor: 3, pure: true},
	"agent/api":             {floor: 3, pure: true},
	"agent/client":          {floor: 3, may: []string{"agent/api"}},
	"agent/daemon":          {floor: 3, may: []string{"agent", "agent/api", "agent/budget", "agent/cache", "agent/discovery", "agent/discovery/dnssd", "agent/gentle", "agent/policy", "agent/window"}},
	"hub":                   {floor: 3, may: []string{"agent/api", "agent/policy", "agent/window"}},

	"console":           {floor: 4, may: []string{"console/gate", "metrics"}},
	"console/gate":      {floor: 4, pure: true},
	"process":           {floor: 4},
	"metrics":           {floor: 4},
	"deploy":            {floor: 4},
	"demo":              {floor: 5},
	"sim":               {floor: 5, pure: true},
	"sim/traffic":       {floor: 5, pure: true, may: []string{"sim"}},
	"sim/svg":           {floor: 5, pure: true},
	"sim/plan":          {floor: 5, pure: true},
	"sim/plan/site":     {floor: 5, pure: true, may: []string{"sim/plan", "sim/plan/lane"}},
	"sim/plan/flow":     {floor: 5, pure: true, may: []string{"sim/plan", "sim/plan/lane", "sim/plan/site", "sim/plan/yield"}},
	"sim/plan/lane":     {floor: 5, pure: true, may: []string{"sim", "sim/traffic"}},
	"sim/plan/packet":   {floor: 5, pure: true, may: []string{"sim/plan", "sim/plan/lane", "sim/plan/site"}},
	"sim/plan/yield":    {floor: 5, pure: true, may: []string{"sim/plan/lane"}},
	"sim/plan/planfile": {floor: 5, pure: true, may: []string{"sim/plan"}},
	"sim/plan/report":   {floor: 5, pure: true, may: []string{"ledbat/harm", "sim/plan"}},
	"sim/swarm":         {floor: 5, pure: true},
	"sim/scenario":      {floor: 5, pure: true, may: []string{"sim/matrix"}},
	"sim/matrix":        {floor: 5, pure: true, may: []string{"sim", "sim/traffic"}},
	"bench":             {floor: 5, may: []string{"bench/beside", "bench/reference", "bench/sites", "bench/stage", "bench/torrent"}},
	"bench/beside":      {floor: 5},
	"bench/cmd":         {floor: 5, may: []string{"bench", "bench/beside"}},
	"bench/reference":   {floor: 5},
	"bench/sites":       {floor: 5, may: []string{"bench/stage"}},
	"bench/stage":       {floor: 5},
	"bench/torrent":     {floor: 5, may: []string{"bench/stage"}},
	"bench/yield":       {floor: 5, may: []string{"bench", "bench/stage", "bench/torrent", "sim", "sim/traffic"}},
	"bench/yield/cmd":   {floor: 5, may: []string{"bench", "bench/yield"}},

	"cmd/ebb": {floor: 6},
}

// What a pure room must not import, with the way out.
var impureImports = map[string]string{
	"os":        "take bytes or an io.Reader as an argument; files belong to an edge",
	"net":       "use net/netip for addresses; sockets belong to an edge",
	"net/http":  "return what is to be asked as data; an edge asks",
	"sync":      "a machine is owned by one goroutine; the edge serialises",
	"log":       "return what happened as data or print it through String; edges log",
	"log/slog":  "return what happened as data or print it through String; edges log",
	"syscall":   "the operating system belongs to an edge",
	"context":   "a machine never waits; return a deadline instead",
	"math/rand": "take a seed and use math/rand/v2 with PCG, so that a run repeats",

	"sync/atomic": "a machine is owned by one goroutine; the edge serialises",
}

// Calls that a pure room must not make: package path -> function -> remedy.
var impureCalls = map[string]map[string]string{
	"time": {
		"Now": "take now as an argument", "Since": "take now and subtract", "Until": "take now and subtract",
		"Sleep": "return a Deadline", "After": "return a Deadline", "AfterFunc": "return a Deadline",
		"NewTimer": "return a Deadline", "NewTicker": "return a Deadline", "Tick": "return a Deadline",
	},
	"math/rand/v2": {
		"Int": "", "IntN": "", "Int32": "", "Int32N": "", "Int64": "", "Int64N": "", "Uint32": "", "Uint32N": "", "Uint64": "",
		"Uint64N": "", "N": "", "Float64": "", "Float32": "", "Perm": "", "Shuffle": "", "NormFloat64": "", "ExpFloat64": "",
	},
}

type source struct {
	path string
	room string
	file *ast.File
}

func sources(t *testing.T, fset *token.FileSet) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" || name == "dist") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{path: path, room: filepath.ToSlash(filepath.Dir(path)), file: f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestImportsRunDownwards(t *testing.T) {
	for _, s := range sources(t, token.NewFileSet()) {
		if s.room == "." {
			continue
		}
		here, ok := rooms[s.room]
		if !ok {
			t.Errorf("%s: the room %q is not in the plan: give it a floor in arch_test.go and a line in ARCHITECTURE.md", s.path, s.room)
			continue
		}
		if strings.HasSuffix(s.path, "_test.go") {
			continue // a test may build a whole world around its room
		}
		for _, spec := range s.file.Imports {
			target, ours := strings.CutPrefix(importPath(spec), module)
			if !ours || target == s.room {
				continue
			}
			there, ok := rooms[target]
			if !ok {
				t.Errorf("%s imports %s, which is not in the plan of arch_test.go", s.path, target)
				continue
			}
			if there.floor < here.floor || slices.Contains(here.may, target) {
				continue
			}
			t.Errorf("%s (floor %d) imports %s (floor %d): imports run downwards only; pass what is needed as an argument, "+
				"or let the two meet one floor up", s.path, here.floor, target, there.floor)
		}
	}
}

func TestPureRoomsStayPure(t *testing.T) {
	fset := token.NewFileSet()
	for _, s := range sources(t, fset) {
		if !rooms[s.room].pure || strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		names := map[string]string{} // local name -> import path
		for _, spec := range s.file.Imports {
			path := importPath(spec)
			if remedy, bad := impureImports[path]; bad {
				t.Errorf("%s: the pure room %s imports %q: %s", fset.Position(spec.Pos()), s.room, path, remedy)
			}
			name := path[strings.LastIndex(path, "/")+1:]
			if path == "math/rand/v2" {
				name = "rand"
			}
			if spec.Name != nil {
				name = spec.Name.Name
			}
			names[name] = path
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: a pure room starts no goroutine: return the work as data", fset.Position(n.Pos()))
			case *ast.ChanType:
				t.Errorf("%s: a pure room has no channels: use a queue and Take", fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				pkg, ok := n.X.(*ast.Ident)
				if !ok {
					return true
				}
				if remedy, bad := impureCalls[names[pkg.Name]][n.Sel.Name]; bad {
					if remedy == "" {
						remedy = "take a *rand.Rand made from a seed"
					}
					t.Errorf("%s: a pure room does not use %s.%s: %s", fset.Position(n.Pos()), pkg.Name, n.Sel.Name, remedy)
				}
			}
			return true
		})
	}
}

// A reader finds the function from the name of its file: files stay short.
func TestFilesStayShort(t *testing.T) {
	fset := token.NewFileSet()
	for _, s := range sources(t, fset) {
		lines := fset.File(s.file.Pos()).LineCount()
		limit := 400
		if strings.HasSuffix(s.path, "_test.go") {
			limit = 800
		}
		if lines > limit {
			t.Errorf("%s has %d lines, more than %d: something in it wants a file or a room of its own", s.path, lines, limit)
		}
	}
}

func TestEveryFileNamesItsLicence(t *testing.T) {
	for _, s := range sources(t, token.NewFileSet()) {
		found := false
		for _, group := range s.file.Comments {
			found = found || strings.Contains(group.Text(), "SPDX-License-Identifier: Apache-2.0") ||
				slices.ContainsFunc(group.List, func(c *ast.Comment) bool { return strings.Contains(c.Text, "SPDX-License-Identifier: Apache-2.0") })
		}
		if !found {
			t.Errorf("%s: the first line is missing: // SPDX-License-Identifier: Apache-2.0", s.path)
		}
	}
}

func TestNoRoomIsADrawer(t *testing.T) {
	drawers := []string{"util", "utils", "common", "helper", "helpers", "types", "manager", "impl", "misc", "shared"}
	for _, s := range sources(t, token.NewFileSet()) {
		base := strings.TrimSuffix(filepath.Base(s.path), ".go")
		for _, part := range append(strings.Split(s.room, "/"), strings.Split(base, "_")...) {
			if slices.Contains(drawers, part) {
				t.Errorf("%s: %q says nothing about what is inside: name it after what it does", s.path, part)
			}
		}
	}
}

func importPath(spec *ast.ImportSpec) string {
	path, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return path
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/units"
)

func newCache() *cobra.Command {
	cmd := group("cache", "What this host keeps on its disk, and within which limits")
	cmd.AddCommand(newCacheLs(), newCacheGC(), newCacheVerify())
	return cmd
}

// cacheFlags are the limits of the cache as they are written.
type cacheFlags struct{ maxSize, minFree, maxAge, replicas string }

func (f *cacheFlags) register(fl *pflag.FlagSet) {
	d := cache.Default()
	fl.StringVar(&f.maxSize, "cache-max-size", d.MaxSize.String(), "most that chunks may take: a part of the disk such as 20%, a size such as 50GiB, or none")
	fl.StringVar(&f.minFree, "cache-min-free", "", "what of the volume stays free for others: 10%, 5GiB or off (default "+d.MinFree.String()+")")
	fl.StringVar(&f.maxAge, "cache-max-age", "7d", "how long what nobody uses is kept: days such as 7d, a duration such as 36h, or none")
	fl.StringVar(&f.replicas, "cache-replicas", "1", "copies that the location keeps of a content while it can")
}

// limits reads them.
func (f *cacheFlags) limits() (l cache.Limits, err error) {
	l.MinFree = cache.Default().MinFree
	if l.MaxSize, err = cache.ParseMaxSize(f.maxSize); err != nil {
		return l, &configError{err.Error()}
	}
	if f.minFree != "" {
		if l.MinFree, err = cache.ParseMinFree(f.minFree); err != nil {
			return l, &configError{err.Error()}
		}
	}
	if l.MaxAge, err = cache.ParseMaxAge(f.maxAge); err != nil {
		return l, &configError{err.Error()}
	}
	if l.Replicas, err = cache.ParseReplicas(f.replicas); err != nil {
		return l, &configError{err.Error()}
	}
	return l, nil
}

func newCacheLs() *cobra.Command {
	cmd := &cobra.Command{Use: "ls", Short: "List what is held, in the order in which it goes when room is needed", Args: exactly()}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var c api.Cache
		if err := client.New(*state).Call(cmd.Context(), http.MethodGet, "cache", nil, &c); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), c)
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "CONTENT\tNAME\tVERSION\tBYTES\tCHUNKS\tUNUSED\tWHY")
		for _, x := range c.Items {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d of %d\t%s\t%s\n", x.ID.Short(), x.Name, x.Version, units.IEC(x.Bytes), x.Have, x.Chunks,
				brief(time.Duration(x.Unused*float64(time.Second))), standingOf(x))
		}
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), cacheLine(c.Bytes, c.Quota, c.Floor, c.Free))
		return nil
	}
	return cmd
}

// standingOf says why a content stays, or goes first or last.
func standingOf(x api.Shelved) string {
	switch {
	case x.Needed:
		return "stays: a flow wants it"
	case x.Pinned:
		return "stays: pinned"
	case x.Superseded:
		return "goes first: superseded"
	case x.Last:
		return "goes last: no other copy known in the location"
	}
	return "goes when room is needed"
}

// cacheLine tells what is held and within which limits.
func cacheLine(bytes int64, quota *int64, floor, free int64) string {
	s := units.IEC(bytes) + " held, no limit"
	if quota != nil {
		s = fmt.Sprintf("%s of at most %s", units.IEC(bytes), units.IEC(*quota))
	}
	if floor > 0 {
		s += fmt.Sprintf("; %s of the volume stay free, %s are", units.IEC(floor), units.IEC(free))
	}
	return s
}

func newCacheGC() *cobra.Command {
	cmd := &cobra.Command{Use: "gc", Short: "Remove superseded versions and what is too old", Args: exactly(),
		Long: "Remove superseded versions of contents, what nobody has used for cache.max_age, and chunks that belong to no content;\n" +
			"with --free, further contents in the order of ebb cache ls until so much is freed. What a flow wants and what is\n" +
			"pinned stays."}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	dry := cmd.Flags().Bool("dry-run", false, "only say what would go")
	free := cmd.Flags().String("free", "", "free at least so much, such as 10GiB")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ask := struct {
			Free   int64 `json:"free_bytes"`
			DryRun bool  `json:"dry_run"`
		}{DryRun: *dry}
		if *free != "" {
			n, ok := units.Size(*free)
			if !ok {
				return usagef("--free %q is not a size such as 10GiB", *free)
			}
			ask.Free = n
		}
		var r api.Removed
		if err := client.New(*state).Call(cmd.Context(), http.MethodPost, "cache/gc", ask, &r); err != nil {
			return err
		}
		if err := tellRemoved(cmd, r, *asJSON); err != nil {
			return err
		}
		if r.Bytes < ask.Free {
			return &partlyError{fmt.Sprintf("no more than %s may go: the rest is pinned or wanted by flows", units.IEC(r.Bytes))}
		}
		return nil
	}
	return cmd
}

// tellRemoved prints what a removal touched.
func tellRemoved(cmd *cobra.Command, r api.Removed, asJSON bool) error {
	if asJSON {
		return printJSON(cmd.OutOrStdout(), r)
	}
	verb := "removed"
	if r.DryRun {
		verb = "would remove"
	}
	for _, c := range r.Contents {
		fmt.Fprintf(cmd.OutOrStdout(), "%s chunks of %s %s (%s)\n", verb, c.Name, c.Version, c.ID.Short())
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %d chunks, %s\n", verb, r.Chunks, units.IEC(r.Bytes))
	return err
}

func newCacheVerify() *cobra.Command {
	cmd := &cobra.Command{Use: "verify", Short: "Read and hash all that is held again, and drop what is damaged", Args: exactly()}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var v api.Scrub
		if err := client.New(*state).Call(cmd.Context(), http.MethodPost, "cache/verify", nil, &v); err != nil {
			return err
		}
		if *asJSON {
			if err := printJSON(cmd.OutOrStdout(), v); err != nil {
				return err
			}
		} else {
			fmt.Fprintf(cmd.OutOrStdout(), "%d chunks (%s) read, %d good, %d damaged\n", v.Chunks, units.IEC(v.Bytes), v.Good, v.Damaged)
		}
		if v.Damaged > 0 {
			return &api.Problem{Title: fmt.Sprintf("%d of %d chunks were damaged and are dropped", v.Damaged, v.Chunks), Code: api.CodeIntegrity,
				Hint: fmt.Sprintf("flows fetch what they need again; for the rest: ebb content ls --state %s, and ebb get", *state)}
		}
		return nil
	}
	return cmd
}

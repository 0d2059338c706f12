// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/store"
)

// measureEvery is how often the volume is looked at: whoever else needs space gets it within a few of these.
const measureEvery = time.Second

// watchVolume tells the core how full the volume is.
func (d *Daemon) watchVolume() {
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.measure()
		case <-d.ctx.Done():
			return
		}
	}
}

// volume is what is free and how large it is, in bytes; nothing when the file system cannot tell.
func (d *Daemon) volume() (free, total int64) {
	free, total, err := d.o.Store.Disk()
	if err != nil {
		return 0, 0
	}
	return free, total
}

func (d *Daemon) measure() {
	stored := d.o.Store.Stats().Bytes // before the volume: what is written in between is counted twice, not missed
	free, total := d.volume()
	if total == 0 {
		return
	}
	d.do(func(c *agent.Core, now time.Time) {
		c.DiskMeasured(now, free, total, stored)
		d.floor.Store(c.Floor())
	})
}

// keepsFloor refuses what would take from the volume what is to stay free: others may have filled it since the core
// last heard of it.
func (d *Daemon) keepsFloor(bytes int64) error {
	floor := d.floor.Load()
	if floor == 0 {
		return nil
	}
	free, total := d.volume()
	if total > 0 && free-bytes < floor {
		return fmt.Errorf("%w: %d bytes are free, and cache.min_free keeps %d of them for others", store.ErrNoSpace, free, floor)
	}
	return nil
}

// evict removes chunks, says so, and looks what that has brought. It runs in the goroutine that writes chunks.
func (d *Daemon) evict(list []agent.Evict) {
	for _, a := range list {
		if err := d.o.Store.Delete(a.IDs...); err != nil {
			d.o.Log.Error("chunks cannot be removed", "chunks", len(a.IDs), "err", err)
		}
		d.measure()
		d.do(func(c *agent.Core, now time.Time) { c.Evicted(now, a.IDs) })
	}
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/ebbproject/ebb/link/tun"
)

// queueLog writes samples of a link to a file. The link's loop must not wait for a disk, so that a goroutine writes; what it cannot take
// is counted.
type queueLog struct {
	file    *os.File
	samples chan tun.Sample
	writing sync.WaitGroup
	missed  int // by the loop alone, until it has ended
	err     error
}

// queueBacklog is how many samples wait for the disk: ten seconds of them.
const queueBacklog = 1000

const queueHeader = "unix_ns,forward_queue_us,forward_bytes,forward_packets,forward_drops,forward_late," +
	"reverse_queue_us,reverse_bytes,reverse_packets,reverse_drops,reverse_late\n"

func newQueueLog(path string) (*queueLog, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	l := &queueLog{file: file, samples: make(chan tun.Sample, queueBacklog)}
	l.writing.Go(l.write)
	return l, nil
}

// take never waits.
func (l *queueLog) take(s tun.Sample) {
	select {
	case l.samples <- s:
	default:
		l.missed++
	}
}

func (l *queueLog) write() {
	w := bufio.NewWriter(l.file)
	_, l.err = w.WriteString(queueHeader)
	for s := range l.samples {
		_, err := fmt.Fprintf(w, "%d,%s,%s\n", s.At.UnixNano(), queueFields(s.Forward), queueFields(s.Reverse))
		if len(l.samples) == 0 { // a reader may follow the file
			err = errors.Join(err, w.Flush())
		}
		if err != nil && l.err == nil {
			l.err = err
		}
	}
	l.err = errors.Join(l.err, w.Flush())
}

func queueFields(q tun.Queue) string {
	return fmt.Sprintf("%d,%d,%d,%d,%d", q.Delay.Microseconds(), q.Left.Bytes, q.Left.Packets, q.Dropped.Packets, q.Late)
}

// close ends the log; the loop that fills it must have ended.
func (l *queueLog) close() error {
	close(l.samples)
	l.writing.Wait()
	err := errors.Join(l.err, l.file.Close())
	if l.missed > 0 {
		err = errors.Join(err, fmt.Errorf("%s lacks %d samples: its disk was too slow", l.file.Name(), l.missed))
	}
	return err
}

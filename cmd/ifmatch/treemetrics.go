package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// totals is what all directories together did, those that are closed by now among them, and what they hold.
type totals struct {
	tree    etagfs.Stats
	commits fs.DurationCounts
	locks   int
}

func (t totals) plus(o totals) totals {
	return totals{t.tree.Plus(o.tree), t.commits.Plus(o.commits), t.locks + o.locks}
}

func (o *opened) totals() totals {
	return totals{o.tree.Stats(), o.store.Commits(), o.locks.Held(time.Now())}
}

// ended is what stays counted of a directory that is closed.
func (t totals) ended() totals { return totals{t.tree.Ended(), t.commits, 0} }

func (d *directories) totals() totals {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.ended
	for _, o := range d.open {
		t = t.plus(o.totals())
	}
	return t
}

// treeMetrics are read from the trees, the locks and the logins of a site when somebody scrapes.
type treeMetrics struct{ site *site }

func (t treeMetrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(t, ch) }

func (t treeMetrics) Collect(ch chan<- prometheus.Metric) {
	all := t.site.dirs.totals()
	send := func(kind prometheus.ValueType, name, help string, v float64) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, nil), kind, v)
	}
	counter := func(name, help string, v uint64) { send(prometheus.CounterValue, name, help, float64(v)) }
	gauge := func(name, help string, v int) { send(prometheus.GaugeValue, name, help, float64(v)) }

	ch <- durations("ifmatch_latch_wait_seconds", "How long operations waited for others on the same names; those that did not wait are not in it.", all.tree.LatchWaits)
	ch <- durations("ifmatch_fsync_seconds", "How long it took to make a file or a directory durable.", all.tree.Syncs)
	ch <- durations("ifmatch_state_commit_seconds", "How long it took to make locks and properties durable.", all.commits)
	counter("ifmatch_validator_cache_hits_total", "Digests that were known when an ETag was asked for; with content tags only.", all.tree.DigestHits)
	counter("ifmatch_validator_cache_misses_total", "Digests that were not.", all.tree.DigestMisses)
	counter("ifmatch_hashed_files_total", "Files that were read for their digest, for a request or in the background.", all.tree.HashedFiles)
	counter("ifmatch_hashed_bytes_total", "Bytes of those files.", all.tree.HashedBytes)
	gauge("ifmatch_hash_backlog_files", "Files without digest that listings met and wait for the background hasher.", all.tree.HashBacklog)
	gauge("ifmatch_hash_passes", "Directories that the background hasher is going over as a whole, as after each start; how many files are left there is not known.", all.tree.HashPasses)
	gauge("ifmatch_watches", "Directories in which the system reports changes by other programs.", all.tree.Watches)
	counter("ifmatch_watch_events_total", "Changes that were reported.", all.tree.Events)
	counter("ifmatch_watch_overflows_total", "How often reports were lost and everything cached was forgotten.", all.tree.Overflows)
	gauge("ifmatch_locks", "WebDAV locks that are held.", all.locks)
	counter("ifmatch_logins_failed_total", "Passwords that were wrong.", t.site.login.failed.Load())
	counter("ifmatch_logins_throttled_total", "Logins that were answered 429, since too many passwords had been wrong.", t.site.login.throttled.Load())
}

func durations(name, help string, c fs.DurationCounts) prometheus.Metric {
	atMost := map[float64]uint64{}
	var n uint64
	for i, bound := range fs.DurationBounds {
		n += c.Buckets[i]
		atMost[bound.Seconds()] = n
	}
	return prometheus.MustNewConstHistogram(prometheus.NewDesc(name, help, nil, nil), c.Count(), c.Sum.Seconds(), atMost)
}

//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// metricsURL is what the log says of the listener of metrics, without the slash at the end.
func metricsURL(p *process) string {
	p.t.Helper()
	m := regexp.MustCompile(`"msg":"metrics","url":"(.*?)/?"`).FindStringSubmatch(strings.Join(p.lines(), "\n"))
	if m == nil {
		p.t.Fatal("the log does not say where the metrics are")
	}
	return m[1]
}

// scraped are the values of what c finds at url, by name and labels: `ifmatch_http_requests_total{GET,200}`. Those
// of a histogram are its _count and _sum.
func scraped(t testing.TB, c *http.Client, url string) map[string]float64 {
	t.Helper()
	res, text, err := trySend(c, "GET", url, nil)
	must(t, err)
	wantStatus(t, res, 200)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	must(t, err)
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	values := map[string]float64{}
	for name, f := range families {
		for _, m := range f.Metric {
			value(values, name, m)
		}
	}
	return values
}

func value(values map[string]float64, name string, m *dto.Metric) {
	var labels []string
	for _, l := range m.Label {
		labels = append(labels, l.GetValue())
	}
	in := ""
	if labels != nil {
		in = "{" + strings.Join(labels, ",") + "}"
	}
	switch {
	case m.Counter != nil:
		values[name+in] = m.Counter.GetValue()
	case m.Gauge != nil:
		values[name+in] = m.Gauge.GetValue()
	case m.Histogram != nil:
		values[name+"_count"+in] = float64(m.Histogram.GetSampleCount())
		values[name+"_sum"+in] = m.Histogram.GetSampleSum()
	}
}

// The metrics say what was done, and no more: neither a request of ours nor a label that a client made up.
func TestMetricsMatchASession(t *testing.T) {
	h, dir := houseWith(t, ""), t.TempDir()
	h.process = start(t, nil, "--metrics=127.0.0.1:0", "--users="+filepath.Join(h.dir, "users"), "--etag=content", "--require-if-match=on", "--no-notify=false", dir)
	requests := map[string]float64{}
	var received, sent float64
	ask := func(user, method, path, body string, status int, header ...string) *http.Response {
		t.Helper()
		res, text := h.ask(user, method, path, body, header...)
		wantStatus(t, res, status)
		label := method
		if strings.HasPrefix(method, "X") {
			label = "other"
		}
		requests[fmt.Sprintf("{%s,%d}", label, status)]++
		received += float64(len(body))
		sent += float64(len(text))
		return res
	}
	ask("anna", "PUT", "/a.txt", "hello", 201)
	for range 3 {
		ask("anna", "PUT", "/a.txt", "", 412, "If-Match", `"stale"`)
	}
	ask("anna", "GET", "/a.txt", "", 412, "If-Match", `"stale"`) // refused, and no write
	for range 2 {
		ask("anna", "PUT", "/a.txt", "", 428)
	}
	ask("anna", "LOCK", "/a.txt", lockinfo, 200)
	ask("anna", "LOCK", "/b.txt", lockinfo, 201)
	ask("anna", "LOCK", "/a.txt", lockinfo, 423)
	ask("anna", "DELETE", "/a.txt", "", 423, "If-Match", "*")
	tag := ask("anna", "GET", "/a.txt", "", 200).Header.Get("Etag")
	ask("anna", "GET", "/a.txt", "", 304, "If-None-Match", tag)
	ask("anna", "PROPFIND", "/", "", 207, "Depth", "1")
	for i := range 30 {
		ask("anna", fmt.Sprintf("XBREW%d", i), "/a.txt", "", 501)
	}
	ask("anna", "PUT", "/large", strings.Repeat("0123456789", 50_000), 201)
	ask("anna", "GET", "/large", "", 200)
	must(t, os.WriteFile(filepath.Join(dir, "theirs"), []byte("from beside"), 0o644))
	ask("anna", "GET", "/theirs", "", 200)
	for range 10 {
		ask("", "GET", "/", "", 401, "Authorization", "Basic YW5uYTp3cm9uZw==")
	}
	for range 2 {
		ask("", "GET", "/", "", 429, "Authorization", "Basic YW5uYTp3cm9uZw==")
	}

	url := metricsURL(h.process)
	if res, text := send(t, "GET", url+"/healthz", nil); res.StatusCode != 200 || text != "ok\n" {
		t.Errorf("healthz: %s %q", res.Status, text)
	}
	got := settled(t, url, total(requests))
	for labels, n := range requests {
		if v := got["ifmatch_http_requests_total"+labels]; v != n {
			t.Errorf("requests %s: %v, want %v", labels, v, n)
		}
	}
	if n := total(got, "ifmatch_http_requests_total{"); n != total(requests) {
		t.Errorf("%v requests are counted, %v were sent", n, total(requests))
	}
	for name, want := range map[string]float64{
		"ifmatch_http_request_duration_seconds_count{PUT}":    7,
		"ifmatch_http_request_duration_seconds_count{other}":  30,
		"ifmatch_http_received_bytes_total":                   received,
		"ifmatch_http_sent_bytes_total":                       sent,
		"ifmatch_http_requests_in_flight":                     0,
		"ifmatch_refused_writes_total{precondition_failed}":   3,
		"ifmatch_refused_writes_total{locked}":                2,
		"ifmatch_refused_writes_total{precondition_required}": 2,
		"ifmatch_locks":                                                   2,
		"ifmatch_logins_failed_total":                                     10,
		"ifmatch_logins_throttled_total":                                  2,
		"ifmatch_latch_wait_seconds_count":                                0,
		"ifmatch_watch_overflows_total":                                   0,
		"ifmatch_build_info{" + runtime.Version() + "," + version() + "}": 1,
	} {
		if v, there := got[name]; !there || v != want {
			t.Errorf("%s: %v (%v), want %v", name, v, there, want)
		}
	}
	for _, name := range []string{"ifmatch_fsync_seconds_count", "ifmatch_fsync_seconds_sum", "ifmatch_state_commit_seconds_count", "ifmatch_validator_cache_hits_total",
		"ifmatch_validator_cache_misses_total", "ifmatch_hashed_files_total", "ifmatch_hashed_bytes_total", "ifmatch_watches", "go_goroutines", "process_resident_memory_bytes"} {
		if got[name] <= 0 {
			t.Errorf("%s: %v, want more than 0", name, got[name])
		}
	}
	for _, name := range []string{"ifmatch_hash_backlog_files", "ifmatch_hash_passes"} {
		if _, there := got[name]; !there {
			t.Errorf("no %s", name)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "theirs"), []byte("again"), 0o644); err != nil { // the directory is watched by now
		t.Fatal(err)
	}
	eventually(t, func() error {
		if scraped(t, http.DefaultClient, url+"/metrics")["ifmatch_watch_events_total"] == 0 {
			return errors.New("no report of a change is counted")
		}
		return nil
	})
	if strings.Contains(strings.Join(h.lines(), "\n"), `"method":"OPTIONS"`) {
		t.Error("the log has the requests of /healthz")
	}
}

// settled scrapes until n requests are counted: the last ones are when their clients have the answer already.
func settled(t *testing.T, url string, n float64) (got map[string]float64) {
	t.Helper()
	eventually(t, func() error {
		got = scraped(t, http.DefaultClient, url+"/metrics")
		if now := total(got, "ifmatch_http_requests_total{"); now != n {
			return fmt.Errorf("%v requests are counted, %v were sent", now, n)
		}
		return nil
	})
	return got
}

// total adds up what is in values, of the names that begin so.
func total(values map[string]float64, prefix ...string) (sum float64) {
	for name, v := range values {
		if len(prefix) == 0 || strings.HasPrefix(name, prefix[0]) {
			sum += v
		}
	}
	return sum
}

func eventually(t *testing.T, try func() error) {
	t.Helper()
	var err error
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(25 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Error(err)
}

// On a Unix socket, too. The served tree keeps the names, and the metrics know nothing of the tree.
func TestMetricsShadowNothing(t *testing.T) {
	dir, socket := t.TempDir(), filepath.Join(t.TempDir(), "s")
	p := start(t, nil, "--metrics=unix:"+socket, dir)
	c := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) }}}
	defer c.CloseIdleConnections()
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		res, _ := send(t, "PUT", p.url+path, strings.NewReader("mine"))
		wantStatus(t, res, 201)
		if _, text := send(t, "GET", p.url+path, nil); text != "mine" {
			t.Errorf("%s of the tree is %q", path, text)
		}
		if res, text, err := trySend(c, "GET", "http://socket"+path, nil); err != nil || res.StatusCode != 200 || text == "mine" {
			t.Errorf("%s of the socket: %v, %.20q", path, err, text)
		}
		if res, _, err := trySend(c, "PUT", "http://socket"+path, strings.NewReader("theirs")); err != nil || res.StatusCode != 405 {
			t.Errorf("PUT %s of the socket: %v", path, err)
		}
	}
	if res, _, err := trySend(c, "GET", "http://socket/", nil); err != nil || res.StatusCode != 404 {
		t.Errorf("the root of the socket: %v", err)
	}
	if n := total(scraped(t, c, "http://socket/metrics"), "ifmatch_http_requests_total{"); n < 5 || n > 6 {
		t.Errorf("%v requests are counted, 6 were sent", n)
	}
}

// What a directory counted stays counted when it is no longer served, and what it held is no longer held.
func TestCountersSurviveAReload(t *testing.T) {
	s := siteFor(t)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("LOCK", "/a.txt", strings.NewReader(lockinfo)))
	before := s.dirs.totals()
	if w.Code != 200 || before.commits.Count() == 0 || before.locks != 1 {
		t.Fatalf("%d %+v", w.Code, before)
	}
	s.end(s.now.Load())
	if after := s.dirs.totals(); after.commits != before.commits || after.tree.Syncs != before.tree.Syncs || after.locks != 0 {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// countedServer answers with h under metrics that are off the network.
func countedServer(t testing.TB, h http.HandlerFunc) (*metrics, http.Handler) {
	t.Helper()
	m := newMetrics(nil, newSite(slog.New(slog.DiscardHandler), os.Getenv))
	return m, m.count(h)
}

// sendfileWriter is a ResponseWriter as net/http has one, which notes what comes to it.
type sendfileWriter struct {
	header  http.Header
	file    *os.File
	flushed bool
	duplex  bool
}

func (w *sendfileWriter) Header() http.Header         { return w.header }
func (w *sendfileWriter) WriteHeader(int)             {}
func (w *sendfileWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *sendfileWriter) Flush()                      { w.flushed = true }
func (w *sendfileWriter) EnableFullDuplex() error     { w.duplex = true; return nil }

func (w *sendfileWriter) ReadFrom(src io.Reader) (int64, error) {
	w.file, _ = src.(*io.LimitedReader).R.(*os.File)
	return src.(*io.LimitedReader).N, nil
}

// What is counted can do what it could before.
func TestCountedKeepsWhatTheWriterCan(t *testing.T) {
	f, err := os.Open("metrics.go")
	must(t, err)
	defer f.Close()
	_, h := countedServer(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		if err := errors.Join(rc.Flush(), rc.EnableFullDuplex()); err != nil {
			t.Error(err)
		}
		if n, err := w.(io.ReaderFrom).ReadFrom(&io.LimitedReader{R: f, N: 7}); n != 7 || err != nil {
			t.Error(n, err)
		}
	})
	w := &sendfileWriter{header: http.Header{}}
	r, _ := http.NewRequest("GET", "/", nil)
	h.ServeHTTP(w, r)
	if w.file != f || !w.flushed || !w.duplex {
		t.Errorf("got through: %+v", w)
	}
	var off *metrics
	plain := http.NewServeMux()
	if off.count(plain) != http.Handler(plain) {
		t.Error("without metrics something is wrapped")
	}
}

// An answer that is cut off, one that never came, and a stream that lasts.
func TestMetricsOfEndsThatAreNone(t *testing.T) {
	m, h := countedServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/cut":
			io.WriteString(w, "half")
			panic(http.ErrAbortHandler)
		case "/none":
			panic(http.ErrAbortHandler)
		case "/stream":
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, ":\n\n")
		case "/hint":
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNotFound)
		}
	})
	for _, path := range []string{"/cut", "/none", "/stream", "/silent", "/hint"} {
		func() {
			defer func() { recover() }()
			r, _ := http.NewRequest("GET", path, nil)
			h.ServeHTTP(&sendfileWriter{header: http.Header{}}, r)
		}()
	}
	got := map[string]float64{}
	families, err := m.registry.Gather()
	must(t, err)
	for _, f := range families {
		for _, metric := range f.Metric {
			value(got, f.GetName(), metric)
		}
	}
	for name, want := range map[string]float64{
		"ifmatch_http_requests_total{GET,200}": 3, "ifmatch_http_requests_total{GET,none}": 1, "ifmatch_http_requests_total{GET,404}": 1,
		"ifmatch_http_request_duration_seconds_count{GET}": 4, "ifmatch_http_sent_bytes_total": 7, "ifmatch_http_requests_in_flight": 0,
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
}

// A request without a body costs no allocation more, and one with a body one.
func TestCountingAllocates(t *testing.T) {
	_, h := countedServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil {
			io.Copy(io.Discard, r.Body)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	w := &sendfileWriter{header: http.Header{}}
	for _, tt := range []struct {
		method string
		body   io.ReadCloser
		most   float64
	}{{"GET", nil, 0}, {"PUT", io.NopCloser(strings.NewReader("")), 1}, {"MADE-UP", nil, 0}} {
		r, _ := http.NewRequest(tt.method, "/", nil)
		r.Body = tt.body
		if n := testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }); n > tt.most {
			t.Errorf("%s: %v allocations, want at most %v", tt.method, n, tt.most)
		}
	}
}

func BenchmarkCounted(b *testing.B) {
	_, h := countedServer(b, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	w := &sendfileWriter{header: http.Header{}}
	r, _ := http.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sys/unix"

	"github.com/nightfill/nightfill/daemon/bundle"
	"github.com/nightfill/nightfill/daemon/clock"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/site/window/tzdata"
)

const (
	bundleRecords = 2000            // of the journal, in a support bundle
	verifyTime    = 2 * time.Minute // for the whole journal to be checked
	largestSecret = 64 << 10        // bytes of a file that may hold one
)

// askedForBundle is the text of the record of who took a bundle.
const askedForBundle = "bundle"

// Bundle implements control.Bundler. No device is asked for it.
func (d *Daemon) Bundle(ctx context.Context, ask bundle.Ask, w io.Writer) (bundle.Manifest, error) {
	if ask.Device != "" {
		if _, ok := d.store.Device(ask.Device); !ok {
			return bundle.Manifest{}, d.known(ask.Device)
		}
	}
	select {
	case d.bundling <- struct{}{}:
		defer func() { <-d.bundling }()
	default:
		return bundle.Manifest{}, bundle.ErrBusy
	}
	b := bundle.Bundle{Parts: d.bundleParts(ask.Device), Manifest: bundle.Manifest{
		MadeAt: time.Now().UTC().Truncate(time.Second), MadeBy: ask.Actor, Reason: ask.Reason, Org: d.store.Org, Store: d.store.ID, Device: ask.Device, Version: d.Version,
		LeftOut: []string{
			"passwords, PINs, codes and what an authenticator app holds; keys of the box, of the devices and of the console; tokens of sessions and of webhooks",
			"recordings of terminals: what they show is nobody's business but the store's",
			"arguments of commands and user names of brokers in the store file, and its comments",
			"the artifacts themselves: cache.json says which are there",
			fmt.Sprintf("records of the journal before the newest %d", bundleRecords),
		},
	}}
	err := d.ledger.Add(run.Event{Kind: run.LookAsked, At: time.Now(), Device: ask.Device, Actor: ask.Actor, Text: askedForBundle, Why: ask.Reason})
	if err != nil { // a box whose journal is broken needs its bundle most
		d.Log.Error("cannot write down who took a support bundle", "actor", ask.Actor, "err", err)
		b.Manifest.Missing = append(b.Manifest.Missing, bundle.Missing{Name: "record of who took this bundle", Error: err.Error()})
	}
	d.Log.Info("a support bundle is made", "actor", ask.Actor, "device", ask.Device, "reason", ask.Reason)
	secrets, unread := d.secrets()
	b.Scrubber = bundle.NewScrubber(secrets...)
	b.Manifest.Missing = append(b.Manifest.Missing, unread...)
	return bundle.Write(ctx, w, b)
}

// part makes a part of a value that encodes as JSON.
func part(name string, get func(ctx context.Context) (any, error)) bundle.Part {
	return bundle.Part{Name: name, Make: func(ctx context.Context, w io.Writer) error {
		v, err := get(ctx)
		if err != nil {
			return err
		}
		return bundle.WriteJSON(w, v)
	}}
}

// bundleParts are the files of a bundle, the most telling first.
func (d *Daemon) bundleParts(device string) []bundle.Part {
	verify := part("journal-verify.json", func(ctx context.Context) (any, error) { return d.journal.Verify(ctx) })
	verify.Time = verifyTime
	parts := []bundle.Part{
		part("versions.json", func(context.Context) (any, error) { return d.versions(), nil }),
		part("status.json", func(ctx context.Context) (any, error) { return view.StatusOf(d.View(ctx)), nil }),
		part("ready.json", func(context.Context) (any, error) { return d.Report().Document(), nil }),
		part("checks.json", func(context.Context) (any, error) { return d.newestChecks(), nil }),
		part("devices.json", func(ctx context.Context) (any, error) { return view.Devices(d.View(ctx)), nil }),
		part("observations.json", func(context.Context) (any, error) { return d.seen(), nil }),
		part("night.json", func(ctx context.Context) (any, error) { return d.NightAt(ctx, window.Date{}) }),
		part("plan.json", d.planNow),
		part("cache.json", func(ctx context.Context) (any, error) { return d.Cache(ctx) }),
		part("catalog.json", func(context.Context) (any, error) { return d.catalogNow() }),
		part("clock.json", func(context.Context) (any, error) { return d.clockNow(), nil }),
		part("disk.json", func(context.Context) (any, error) { return d.diskNow() }),
		{Name: "store.yaml", Make: func(_ context.Context, w io.Writer) error { return d.storeFile(w) }},
		{Name: "metrics.txt", Make: func(ctx context.Context, w io.Writer) error { return d.metricsText(ctx, w) }},
		{Name: "log.jsonl", Lines: true, Make: func(_ context.Context, w io.Writer) error { _, err := d.recent.WriteTo(w); return err }},
		{Name: "journal.jsonl", Lines: true, Make: func(ctx context.Context, w io.Writer) error { return d.newestRecords(ctx, w, "") }},
		verify,
	}
	if device == "" {
		return parts
	}
	return append(parts,
		part("device.json", func(ctx context.Context) (any, error) { return d.knownOf(ctx, device), nil }),
		bundle.Part{Name: "device-journal.jsonl", Lines: true, Make: func(ctx context.Context, w io.Writer) error { return d.newestRecords(ctx, w, device) }})
}

// knownOf is what is known of one device, without a new look.
func (d *Daemon) knownOf(ctx context.Context, id string) view.Diagnosis {
	device, _ := d.device(id)
	d.mu.Lock()
	results := maps.Clone(d.results)
	d.mu.Unlock()
	return view.Diagnose(d.View(ctx), device, d.seen()[id], results)
}

func (d *Daemon) newestChecks() []site.CheckResult {
	d.mu.Lock()
	defer d.mu.Unlock()
	results := []site.CheckResult{}
	for _, id := range slices.Sorted(maps.Keys(d.results)) {
		results = append(results, d.results[id])
	}
	return results
}

// planNow is the plan of the night, from what was seen last.
func (d *Daemon) planNow(ctx context.Context) (any, error) {
	scene, err := d.foresee(ctx)
	return map[string]any{"plan": scene.Plan, "report": scene.Report, "begins": scene.Begins}, err
}

func (d *Daemon) catalogNow() (any, error) {
	if d.catalog == nil {
		return nil, errNoCatalog()
	}
	_, reason := d.current()
	return map[string]any{"usable": reason == nil, "reason": reason, "root_version": d.catalog.RootVersion(), "catalog": d.catalog.Last()}, nil
}

func (d *Daemon) clockNow() any {
	state := d.ledger.State()
	facts := clock.Reader{Asked: clock.Trust(d.Config.Clock.Trust), Built: d.Built, Kernel: clock.System, LastSeen: func() time.Time { return state.TrustedAt }}.Read()
	in, judged := desk{d}.zone(), clock.Judge(facts)
	zone, offset := facts.Now.In(in).Zone()
	return map[string]any{
		"now": facts.Now.UTC(), "trust": judged.Trust, "reason": judged.Reason, "asked": facts.Asked, "kernel": facts.Sync, "kernel_says": facts.SyncText,
		"built": facts.Built, "newest_trusted": facts.LastSeen, "unsure": state.Unsure, "zone": in.String(), "zone_now": zone, "offset_s": offset,
		"started": d.started.Round(0).UTC(), "up_s": int(time.Since(d.started).Seconds()),
	}
}

func (d *Daemon) diskNow() (any, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(d.Config.State, &st); err != nil {
		return nil, fmt.Errorf("cannot ask how full the disk of %s is: %w", d.Config.State, err)
	}
	entries, err := os.ReadDir(d.Config.State)
	if err != nil {
		return nil, fmt.Errorf("cannot list the state directory: %w", err)
	}
	files := map[string]int64{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && !e.IsDir() {
			files[e.Name()] = info.Size()
		}
	}
	ballast := d.journal.Ballast()
	return map[string]any{
		"state": d.Config.State, "bytes": st.Blocks * uint64(st.Bsize), "free_bytes": st.Bavail * uint64(st.Bsize), "free_files": st.Ffree,
		"reserve_bytes": ballast.Size, "reserve_held": ballast.Held, "files": files, "full": d.ledger.State().Full,
	}, nil
}

func (d *Daemon) versions() any {
	var u unix.Utsname
	_ = unix.Uname(&u) // a kernel that does not say is shown as ""
	return map[string]any{
		"nightfilld": d.Version, "built": d.Built, "go": runtime.Version(), "system": runtime.GOOS + "/" + runtime.GOARCH, "kernel": unix.ByteSliceToString(u.Release[:]),
		"cpus": runtime.NumCPU(), "zone_data": tzdata.Version(),
	}
}

func (d *Daemon) storeFile(w io.Writer) error {
	text, err := os.ReadFile(d.Config.File)
	if err != nil {
		return fmt.Errorf("cannot read the store file: %w", err)
	}
	clean, _, err := bundle.StoreFile(text)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(w, "# %s without its secrets; the file itself has the SHA-256 %x\n", filepath.Base(d.Config.File), sha256.Sum256(text)); err == nil {
		_, err = w.Write(clean)
	}
	return err
}

// answer is an HTTP answer in memory.
type answer struct {
	io.Writer
	header http.Header
}

// Header implements http.ResponseWriter.
func (a answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a answer) WriteHeader(int) {}

func (d *Daemon) metricsText(ctx context.Context, w io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil)
	if err == nil {
		promhttp.HandlerFor(d.registry(), promhttp.HandlerOpts{}).ServeHTTP(answer{w, http.Header{}}, request)
	}
	return err
}

// newestRecords writes the newest records, of a device or of all.
func (d *Daemon) newestRecords(ctx context.Context, w io.Writer, device string) error {
	e := json.NewEncoder(w)
	var kept []run.Record
	first, last := d.journal.First(), d.journal.Last()
	from := max(first, last+1-min(last, bundleRecords))
	if device != "" { // of which the whole journal has fewer
		from = max(first, last+1-min(last, 20*bundleRecords))
	}
	err := d.walk(ctx, from, 0, func(r run.Record) error {
		if device != "" && r.Event.Device != device {
			return nil
		}
		if kept = append(kept, r); len(kept) > 2*bundleRecords {
			kept = slices.Clone(kept[bundleRecords:])
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot read the journal: %w", err)
	}
	for _, r := range kept[max(0, len(kept)-bundleRecords):] {
		if err := e.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// secrets are those that the box knows, to be looked for in everything that leaves it. What could not be read
// is named: a secret in it would be found by its looks only.
func (d *Daemon) secrets() (all []string, unread []bundle.Missing) {
	all = d.users.Secrets()
	if d.Config.NotTonight != nil {
		all = append(all, d.Config.NotTonight.PIN)
	}
	if text, err := os.ReadFile(d.Config.File); err == nil {
		if _, hidden, err := bundle.StoreFile(text); err == nil {
			all = append(all, hidden...)
		}
	}
	files := []string{d.Config.SSH.Key, d.Config.Console.Key, filepath.Join(d.Config.State, "console.pem")}
	if m := d.Config.MQTT; m != nil {
		files = append(files, m.Key, m.PasswordFile)
	}
	for _, path := range files {
		if path == "" {
			continue
		}
		lines, err := secretLines(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			unread = append(unread, bundle.Missing{Name: "secrets of " + filepath.Base(path), Error: fmt.Sprintf("cannot look for them: %v", err)})
		}
		all = append(all, lines...)
	}
	return all, unread
}

// secretLines are the lines of a file that holds a secret, without those that only name its form.
func secretLines(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > largestSecret {
		return nil, fmt.Errorf("%s has more than %d KiB", path, largestSecret>>10)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool { return strings.HasPrefix(line, "-----") }), nil
}

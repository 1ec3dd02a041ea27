package provecmd

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/bundle"
	"github.com/nightfill/nightfill/daemon/control/wire"
)

// Bundle returns `bundle`.
func Bundle() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bundle [--out FILE.zip] [--device DEVICE] [--reason R]",
		Short: "Write a support bundle: everything that somebody far away needs, and no secret",
		Long: `Write a support bundle, for who helps from far away: the status, the devices, the night and the plan, checks,
catalog, clock, disk, numbers, the newest log and journal, and the store file without its secrets. Passwords, PINs,
keys, tokens and recordings of terminals are never in it. Nothing is asked of the devices.

manifest.json in the zip names every file with its size and SHA-256, and what could not be had with the reason. At
most 24 MiB are in it before they are compressed. Your login name and the reason go into the journal.
Without --out the file is nightfill-STORE-DATE-TIME.zip in the folder in which you are.

Exit code 3: it is written, but something could not be had.`,
		Example: "  nightfill bundle --out /tmp/support.zip\n  nightfill bundle --out till-3.zip --device till-3 --reason \"TICKET-1042\"",
	}
	ask := wire.BundleAsked{}
	out := cmd.Flags().String("out", "", "write the bundle to this file, not to one named by store and time")
	cmd.Flags().StringVar(&ask.Device, "device", "", "with more about this device")
	cmd.Flags().StringVar(&ask.Reason, "reason", "", "what it is for")
	return session.Action(cmd, cobra.NoArgs, func(s *session.Session, _ []string) error {
		path := *out
		if path == "" {
			status, err := s.Client.Status(s.Ctx())
			if err != nil {
				return err
			}
			path = "nightfill-" + status.Store + "-" + time.Now().UTC().Format("20060102-150405") + ".zip"
		}
		m, err := fetchBundle(s, ask, path)
		if err != nil {
			return err
		}
		written := struct {
			File string `json:"file"`
			bundle.Manifest
		}{path, m}
		if err := s.Show(written, func(p *printout.Printer) { printBundle(p, m, path) }); err != nil {
			return err
		}
		if n := len(m.Missing); n > 0 {
			return session.NotAllGood("%s could not be had: manifest.json in %s says why", printout.Count(n, "part", "parts"), filepath.Base(path))
		}
		return nil
	})
}

// fetchBundle writes the file, whole or not at all, and reads its manifest.
func fetchBundle(s *session.Session, ask wire.BundleAsked, path string) (m bundle.Manifest, err error) {
	file, err := newFile(path)
	if err != nil {
		return m, err
	}
	defer file.Cleanup()
	body, err := s.Client.Bundle(s.Ctx(), ask)
	if err != nil {
		return m, err
	}
	defer body.Close()
	size, err := io.Copy(file, body)
	if err != nil {
		return m, fmt.Errorf("the bundle was not received whole, and %s is not written: %w", path, err)
	}
	if m, err = manifest(file, size); err != nil {
		return m, fmt.Errorf("what was received is no support bundle, and %s is not written: %w", path, err)
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return m, cannotWrite(path, err)
	}
	return m, nil
}

// newFile begins a file that is there when it is whole, or not at all.
func newFile(path string) (*renameio.PendingFile, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("cannot write %s: it is a folder; name a file in it, like %s", path, filepath.Join(path, "out.zip"))
	}
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o600))
	if err != nil {
		return nil, cannotWrite(path, err)
	}
	return file, nil
}

// cannotWrite names the file that was asked for, not the one that it is written to first.
func cannotWrite(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("cannot write %s: %w", path, err)
}

// manifest reads the manifest of a zip.
func manifest(file io.ReaderAt, size int64) (m bundle.Manifest, err error) {
	z, err := zip.NewReader(file, size)
	if err != nil {
		return m, err
	}
	text, err := z.Open(bundle.ManifestName)
	if err != nil {
		return m, err
	}
	defer text.Close()
	return m, json.NewDecoder(text).Decode(&m)
}

func printBundle(p *printout.Printer, m bundle.Manifest, path string) {
	about := "the store " + m.Store
	if m.Device != "" {
		about = m.Device + " in store " + m.Store
	}
	p.Line("%s holds %s about %s; %s taken out.", path, printout.Count(len(m.Files), "file", "files"), about, places(m.Redacted))
	for _, gone := range m.Missing {
		p.Line("%s", p.Paint(printout.Bad, gone.Name+" could not be had: "+gone.Error))
	}
	p.Line("\nIt never holds:")
	for _, what := range m.LeftOut {
		p.Line("  %s", what)
	}
}

// places counts what a bundle left out.
func places(n int) string {
	if n == 1 {
		return "1 secret was"
	}
	return fmt.Sprintf("%d secrets were", n)
}

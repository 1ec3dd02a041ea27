package provecmd

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/client"
	"github.com/nightfill/nightfill/daemon/evidence/proof"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Evidence returns `evidence`.
func Evidence() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "evidence --from DATE --to DATE --out FILE.zip",
		Short: "Make an evidence pack of some nights, for an auditor",
		Long: `Write an evidence pack of the nights from one date to another, both included. A night has the date on which
its window opens. In the pack are the journal as it was hashed, the signed catalogs that were in force, who
approved what, the reports of the nights and one line for each patch on each device; and VERIFY.txt, which says
how to check all of it. What cannot be shown is named as missing.

With the same --as-of, and an unchanged store file, the same nights give the same bytes. Without it, all that is
known now is told. That a pack was made, by whom and with which SHA-256, is written into the journal.`,
		Example: "  nightfill evidence --from 2026-11-01 --to 2026-11-30 --out november.zip\n  nightfill evidence verify november.zip --root root.json",
	}
	from := cmd.Flags().String("from", "", "the first night")
	to := cmd.Flags().String("to", "", "the last night; without it, the first one alone")
	out := cmd.Flags().String("out", "", "the file to write")
	asOf := cmd.Flags().String("as-of", "", "tell nothing that is later than this moment, like 2026-11-22T06:00:00Z")
	session.Action(cmd, cobra.NoArgs, func(s *session.Session, _ []string) error {
		if *from == "" || *out == "" {
			return s.Usage(errors.New("say which nights and where to: --from DATE --to DATE --out FILE.zip"))
		}
		first, err := window.ParseDate(*from)
		last, lastErr := first, error(nil)
		if *to != "" {
			last, lastErr = window.ParseDate(*to)
		}
		if err := errors.Join(err, lastErr); err != nil {
			return s.Usage(err)
		}
		return evidence(s, first, last, *asOf, *out)
	})
	cmd.AddCommand(evidenceVerifyCommand())
	return cmd
}

// pack is what `evidence` prints as JSON.
type pack struct {
	File string `json:"file"`
	run.EvidenceNote
}

// evidence writes a pack to a file, at once or not at all.
func evidence(s *session.Session, from, to window.Date, asOf, path string) error {
	file, err := newFile(path)
	if err != nil {
		return err
	}
	defer file.Cleanup()
	note, err := s.Client.Evidence(s.Ctx(), from, to, asOf, file)
	if err != nil {
		return err
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return cannotWrite(path, err)
	}
	return s.Show(pack{path, note}, func(p *printout.Printer) {
		p.Line("The evidence of the nights %s to %s is written to %s, %d KiB.", note.From, note.To, path, (note.Bytes+1023)>>10)
		p.Line("%-8s %d to %d", "records", note.First, note.Last)
		p.Line("%-8s %s", "as of", note.AsOf.UTC().Format(time.RFC3339Nano))
		p.Line("%-8s %s", "sha256", note.SHA256)
		p.Next("nightfill evidence verify " + path + " --root root.json")
	})
}

func evidenceVerifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify FILE.zip [--root root.json] [--anchor STREAM/SEQ/HASH]...",
		Short: "Check an evidence pack with nothing but the pack and the public root",
		Long: `Check an evidence pack, of one store or of many from headquarters. Of many, each store has its line, and the
summary comes last. No daemon, no network and no store file is asked: the pack is all that is needed, and
the public root of the catalog from headquarters. Without --root the root inside the pack is used, and trust then
rests on the pack itself.

That the chain of the journal is whole does not prove that the box never wrote all of it anew. A hash that was
kept elsewhere does: --anchor STREAM/SEQ/HASH, or the name of a file with one such line for each.

Exit code 0: all is good. 1: something is not, and each line says what. 2: a file cannot be read, or the
command was called wrongly.`,
		Example: "  nightfill evidence verify november.zip --root root.json\n  nightfill evidence verify november.zip --root root.json --anchor 01JD2V0Z3X4Y5W6V7T8S9R0QAB/9183/5f1c...",
	}
	root := cmd.Flags().String("root", "", "the public root of the catalog")
	anchors := cmd.Flags().StringArray("anchor", nil, "a hash of the journal that was kept elsewhere; may be repeated")
	asJSON := cmd.Flags().Bool("json", false, "print JSON, errors too")
	cmd.SetFlagErrorFunc(session.Usage)
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return session.Usage(cmd, errors.New("say which pack: nightfill evidence verify FILE.zip --root root.json"))
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o := proof.Options{Version: cmd.Root().Version}
		err := given(&o, *root, *anchors)
		if err != nil {
			return session.Usage(cmd, err)
		}
		s := &session.Session{Cmd: cmd, Client: client.Dial(""), JSON: *asJSON} // for printing: nobody is asked
		return verifyEvidence(s, args[0], o)
	}
	return cmd
}

// given reads what somebody knows from elsewhere.
func given(o *proof.Options, root string, anchors []string) error {
	if root != "" {
		data, err := os.ReadFile(root)
		if err != nil {
			return fmt.Errorf("cannot read the root: %w", err)
		}
		o.Root = data
	}
	for _, text := range anchors {
		if data, err := os.ReadFile(text); err == nil {
			text = string(data)
		}
		for _, line := range strings.Fields(text) {
			a, err := proof.ParseAnchor(line)
			if err != nil {
				return err
			}
			o.Anchors = append(o.Anchors, a)
		}
	}
	return nil
}

func verifyEvidence(s *session.Session, path string, o proof.Options) error {
	f, err := os.Open(path)
	if err != nil {
		return exit.With(exit.Usage, fmt.Errorf("cannot read the evidence pack: %w", err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	v := proof.Verify(f, info.Size(), o)
	if err := s.Show(v, func(p *printout.Printer) { printProof(p, v) }); err != nil {
		return err
	}
	if !v.Good {
		return fmt.Errorf("%s is not good evidence", path)
	}
	return nil
}

// notThere is what the manifest names as missing.
func notThere(v proof.Verdict) []string {
	var all []string
	if v.Manifest != nil {
		for _, m := range v.Manifest.Missing {
			all = append(all, m.What+": "+m.Why)
		}
	}
	if v.Fleet != nil {
		for _, m := range v.Fleet.Missing {
			all = append(all, strings.TrimPrefix("store "+m.Store+", ", "store , ")+m.What+": "+m.Why)
		}
	}
	return all
}

func printProof(p *printout.Printer, v proof.Verdict) {
	word := map[proof.Outcome]string{proof.Good: "good", proof.Bad: "NOT GOOD", proof.NotChecked: "not checked"}
	colour := map[proof.Outcome]printout.Tone{proof.Good: printout.Good, proof.Bad: printout.Bad, proof.NotChecked: printout.Bad}
	show := func(name string, o proof.Outcome, told string) {
		for i, text := range strings.Split(told, "\n") {
			if i > 0 {
				name = ""
			}
			p.Line("%-10s %s  %s", name, p.Paint(colour[o], fmt.Sprintf("%-11s", word[o])), printout.Clean(text))
		}
	}
	for _, s := range v.Stores {
		o := proof.Good
		if !s.Good {
			o = proof.Bad
		}
		show(printout.Clean(s.Store), o, s.Text)
	}
	if len(v.Stores) > 0 {
		p.Line("")
	}
	for _, c := range v.Checks {
		show(c.Check, c.Outcome, c.Text)
	}
	if missing := notThere(v); len(missing) > 0 {
		p.Line("")
		p.Line("Not in the pack:")
		for _, m := range missing {
			p.Line("  %s", printout.Clean(m))
		}
	}
	p.Line("")
	p.Line("%s", v.Root.Text)
	if !slices.ContainsFunc(v.Checks, func(c proof.Check) bool { return c.Check == proof.Anchored }) {
		p.Line("No hash from elsewhere was compared: that the box did not write its whole journal anew is not shown. Give one with --anchor.")
	}
}

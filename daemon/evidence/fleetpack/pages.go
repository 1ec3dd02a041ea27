package fleetpack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board/register"
	"github.com/nightfill/nightfill/ui/dossier"
)

// ExceptionsCSV writes the register as a table, one line for each step of each entry.
func ExceptionsCSV(list []Exception) []byte {
	var rows [][]string
	for _, e := range list {
		own := []string{
			e.ID, e.Patch, e.Scope(), strings.Join(e.Stores, " "), e.Owner, e.Reason, e.Risk, e.Controls, e.Change, moment(e.Expires), string(e.Status), moment(e.Created), e.By,
		}
		if len(e.History) == 0 {
			e.History = []register.Step{{}}
		}
		for _, s := range e.History {
			rows = append(rows, append(slices.Clone(own), moment(s.At), s.By, s.What, s.Text))
		}
	}
	return dossier.CSV([]string{
		"exception", "patch", "scope", "stores", "owner", "reason", "risk", "controls", "change", "expires", "status", "created_at", "created_by", "step_at", "step_by", "step", "step_text",
	}, rows)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Report writes the front page of a pack.
func Report(m Manifest, exceptions []Exception) ([]byte, error) {
	f := dossier.Fleet{
		Org: m.Org, From: m.Scope.From.String(), To: m.Scope.To.String(), AsOf: m.DataAsOf, By: m.GeneratedBy, Version: m.ProgramVersion,
		Rows: m.Compliance.Rows, DeedsFirst: m.Deeds.First, DeedsLast: m.Deeds.Last, Deeds: m.Deeds.Count, DeedsHead: m.Deeds.Head,
	}
	for _, s := range m.Stores {
		f.Stores = append(f.Stores, dossier.FleetStore{
			Store: s.Store, Name: s.Name, File: s.File, Nights: len(s.Nights), First: s.Records.First, Last: s.Records.Last, Missing: s.Missing, AsOf: s.DataAsOf, Head: s.Chain.Last,
		})
	}
	for _, name := range slices.Sorted(maps.Keys(m.Compliance.Results)) {
		f.Results = append(f.Results, dossier.Count{Name: name, N: m.Compliance.Results[name]})
	}
	for _, e := range exceptions {
		f.Exceptions = append(f.Exceptions, dossier.Exception{Patch: e.Patch, Scope: scope(e), Owner: e.Owner, Reason: e.Reason, Expires: string(e.Status) + ", " + moment(e.Expires)})
	}
	for _, x := range m.Missing {
		f.Missing = append(f.Missing, dossier.Missing{What: strings.TrimPrefix(x.Store+": "+x.What, ": "), Why: x.Why})
	}
	return dossier.FleetHTML(f)
}

func scope(e Exception) string {
	if len(e.Stores) == 0 {
		return e.Scope() + ", in all stores"
	}
	return e.Scope() + ", in " + strings.Join(e.Stores, " ")
}

// Explain is the text of VERIFY.txt: how to check the pack, and what that proves and what not.
func Explain(m Manifest) string {
	return fmt.Sprintf(`EVIDENCE OF PATCHING
%s, %d stores, nights %s to %s, data as of %s

THE ONE COMMAND

    nightfill evidence verify FILE.zip --root root.json

It needs this file and the public root of the catalog, and nothing else: no network, no daemon, no database. Get
root.json from the people who sign, not from this pack. It says one line for each check and one for each
store. Exit code 0: all is good; 1: something is not; 2: it was called wrongly.

BY HAND, with unzip, sha256sum, sed and jq

 1. Every file is what the manifest says:

    mkdir pack && cd pack && unzip ../FILE.zip && sha256sum -c SHA256SUMS

 2. Each store has a pack of its own under stores/STORE/N.zip, as the store itself makes it. N counts the journals that
    the store has had. Check it as the VERIFY.txt in it says; chain.hash_of_last there is what manifest.json here has
    under stores.

 3. The audit log of headquarters. The hash of a line is the SHA-256 of the line without its hash:

    prev=$(jq -r .deeds.hash_before_first manifest.json)
    while IFS= read -r line; do
      hash=$(printf '%%s\n' "$line" | sed 's/,"hash":"[0-9a-f]*"}$/}/' | tr -d '\n' | sha256sum | cut -c1-64)
      [ "$hash" = "$(printf '%%s\n' "$line" | jq -r .hash)" ] && [ "$prev" = "$(printf '%%s\n' "$line" | jq -r '.prev // ""')" ] || { echo "not what was hashed: $line"; break; }
      prev=$hash
    done <deeds.jsonl
    [ "$prev" = "$(jq -r .deeds.hash_of_last manifest.json)" ] && echo "the chain is whole"

WHAT IT PROVES, AND WHAT NOT

 - What the VERIFY.txt of a store's pack says, for each store. The records are as headquarters received them, event
   by event. What it never received, or received cut because it was too large, is named as missing and is not good
   under approvals: the store can make that pack itself.
 - compliance.csv is how headquarters judged what it had been told by then. It counts what events tell; what a
   device says of this very moment is no event. Its column evidence_hash names the record that proves a row, and
   where that record is in this pack, it was compared.
 - exceptions.json and the audit log are headquarters' own word. That no line of the log was changed or left out
   between the first and the last one, the chain proves; that the whole log was not written anew, only a hash that
   was kept elsewhere does.

THE FILES

    manifest.json      what is here, of which stores and nights, and what is missing and why
    SHA256SUMS         the digest of every other file
    report.html        the front page, for paper
    stores/            a pack for each store
    compliance.csv     one line for each patch on each device
    exceptions.json    the register of exceptions with everything that was done to each; .csv: one line a step
    deeds.jsonl        who did what at headquarters in these days, lines %d to %d of its audit log
`, m.Org, len(m.Stores), m.Scope.From, m.Scope.To, m.DataAsOf.Format(time.RFC3339), m.Deeds.First, m.Deeds.Last)
}

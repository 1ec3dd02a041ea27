package evidence

import "fmt"

// Explain is the text of VERIFY.txt: how to check the pack, and what that proves and what not.
func Explain(m Manifest) string {
	return fmt.Sprintf(`EVIDENCE OF PATCHING
store %s of %s, nights %s to %s
journal %s, records %d to %d
hash of the last record: %s

THE ONE COMMAND

    nightfill evidence verify FILE.zip --root root.json

It needs this file and the public root of the catalog, and nothing else: no network, no daemon, no store file.
Get root.json from headquarters, not from this pack: whoever forged the pack forged the root in it too. It says
one line for each check. Exit code 0: all is good; 1: something is not; 2: it was called wrongly.

BY HAND, with unzip, sha256sum, sed and jq

 1. Every file is what the manifest says:

    mkdir pack && cd pack && unzip ../FILE.zip && sha256sum -c SHA256SUMS

    and no file is there that SHA256SUMS does not name.

 2. The chain of the journal. A record's hash is the SHA-256 of the line "nightfill-record-1", a line with its
    number, a line with the hash of the record before, and then its event exactly as it stands in the file:

    prev=$(jq -r .chain.hash_before_first manifest.json) next=$(jq -r .records.first manifest.json)
    while IFS= read -r line; do
      seq=$(printf '%%s\n' "$line" | jq -r .seq)
      [ "$seq" = "$next" ] || { echo "the records $next to $((seq-1)) are not here"; prev=$(printf '%%s\n' "$line" | jq -r .prev); }
      next=$((seq+1))
      event=$(printf '%%s\n' "$line" | sed 's/^{"seq":[0-9]*,"prev":"[0-9a-f]*","hash":"[0-9a-f]*","event"://; s/}$//')
      [ "$event" = null ] && { echo "of record $seq only the hash is known"; prev=$(printf '%%s\n' "$line" | jq -r .hash); continue; }
      hash=$(printf 'nightfill-record-1\n%%s\n%%s\n%%s' "$seq" "$prev" "$event" | sha256sum | cut -c1-64)
      [ "$hash" = "$(printf '%%s\n' "$line" | jq -r .hash)" ] || { echo "record $seq is not what was hashed"; break; }
      prev=$hash
    done <journal.jsonl
    [ "$prev" = "$(jq -r .chain.hash_of_last manifest.json)" ] && echo "the chain is whole"

 3. What approved a patch. catalog/generations.json names, for each version of the signed catalog, the digest
    of each of its files; they lie under catalog/files/ by digest, as the store received them. A night's plan in
    journal.jsonl names the version that it was made from (event.plan.catalog). The file payload/<digest> is
    the manifest of a patch; the role of its owner lists that digest and is signed. The signatures follow The
    Update Framework (TUF 1.0): any TUF client verifies them from catalog/roots/ on.

WHAT IT PROVES, AND WHAT NOT

 - No record was changed, left out or moved between the first and the last one. The chain alone does not prove
   that this is the only journal there ever was: a box that somebody took over can write its whole journal anew, and the
   chain of that one is whole as well. A hash that was kept somewhere else settles it: headquarters stores each
   record as it comes, and "nightfill journal verify" prints the hash of the last one. Give it as

    nightfill evidence verify FILE.zip --root root.json --anchor %s/SEQ/HASH

 - The chain cannot show that there is nothing after its last record: every night that was asked for is told or named as
   missing in manifest.json, and a night whose end is not in the journal says that it is not over.
 - Each patch that was begun had been approved by enough keys in a catalog that the store could accept at that
   time. Who holds a key, headquarters knows.
 - The pages and tables follow from the records: they are made again and compared. A record tells what the box
   saw and did; that a device was truthful about itself is not proven by mathematics. The column "proof" says what it was
   asked and what it answered.
 - Files of recordings are not in the pack, only their digests.

THE FILES

    manifest.json          what is here, of which store and range, and what is missing and why
    SHA256SUMS             the digest of every other file
    journal.jsonl          the records, one a line, as they were hashed. It begins with the first record of the first
                           day; records there of a night that opened the day before are in no table
    report.html            the front page, for paper; nights/DATE.html each night, .csv and .json the same as data
    devices-patches.csv    one line for each patch on each device
    approvals.csv          who approved what, with reason, security impact, test and back-out, and which of these
                           nobody filled in
    exceptions.csv         what headquarters excepted for a time
    actions.csv            what people did; what they changed on devices by hand is in recordings.csv
    recordings.csv         the terminals that were opened, with the digest of each recording
    store.json             the store as its file described it when the pack was made, without addresses and keys
    catalog/               the roots and signed catalogs that were in force

The times in the manifest are the moment of which the pack tells (data_as_of). When and by whom the file was written,
and its SHA-256, is a record of the journal: evidence.exported.
`, m.Store, m.Org, m.Scope.From, m.Scope.To, m.Stream, m.Records.First, m.Records.Last, m.Chain.Last, m.Stream)
}

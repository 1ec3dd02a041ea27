package ready

import (
	"fmt"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

const (
	alreadyWords  = "It was already broken before tonight's work."
	notKnownWords = "It is not known whether it worked before tonight's work."
)

// tonightWords names what was done to what broke. Something that broke when the night was over
// broke after its work, and where nothing was done, it says that.
func (b *Baseline) tonightWords(subject string, did []site.Did, since time.Time) string {
	when := "during"
	if !b.Closed.IsZero() && since.After(b.Closed) {
		when = "after"
	}
	if len(did) == 0 {
		if when == "after" {
			when = "after tonight's work"
		} else {
			when = "tonight"
		}
		return "It broke " + when + ". Nothing was changed on " + subject + "."
	}
	return "It broke " + when + " tonight's work on " + changes(did) + "."
}

// maxNamed is how many devices, and how many patches of one, a sentence names.
const maxNamed = 3

// changes writes patches by device: "srv-1 (a, b) and srv-2 (c)".
func changes(did []site.Did) string {
	var order []string
	patches := map[string][]string{}
	for _, d := range did {
		if patches[d.Device] == nil {
			order = append(order, d.Device)
		}
		patches[d.Device] = append(patches[d.Device], d.Patch)
	}
	var parts []string
	for _, device := range order {
		names, more := patches[device], ""
		if n := len(names) - maxNamed; n > 0 {
			names, more = names[:maxNamed], fmt.Sprintf(" and %d more", n)
		}
		parts = append(parts, device+" ("+strings.Join(names, ", ")+more+")")
	}
	if len(parts) == 1 {
		return parts[0]
	}
	if n := len(parts) - maxNamed; n > 0 {
		return strings.Join(parts[:maxNamed], ", ") + " and " + plural(n, "more device")
	}
	return list(parts)
}

package ready

import (
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready/words"
)

// tonightWords names what was done to what broke. Something that broke when the night was over
// broke after its work, and where nothing was done, it says that.
func (b *Baseline) tonightWords(lang *words.Language, subject string, did []site.Did, since time.Time) string {
	after := !b.Closed.IsZero() && since.After(b.Closed)
	switch {
	case len(did) == 0 && after:
		return lang.Say("broke_after_not", "it", subject)
	case len(did) == 0:
		return lang.Say("broke_tonight_not", "it", subject)
	case after:
		return lang.Say("broke_after", "what", changes(lang, did))
	}
	return lang.Say("broke_during", "what", changes(lang, did))
}

// maxNamed is how many devices, and how many patches of one, a sentence names.
const maxNamed = 3

// changes writes patches by device: "srv-1 (a, b) and srv-2 (c)".
func changes(lang *words.Language, did []site.Did) string {
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
		names := patches[device]
		named := strings.Join(names[:min(len(names), maxNamed)], ", ")
		if n := len(names) - maxNamed; n > 0 {
			named = lang.Say("more_patches", "list", named, "n", strconv.Itoa(n))
		}
		parts = append(parts, device+" ("+named+")")
	}
	if n := len(parts) - maxNamed; n > 0 {
		return lang.Count("more_devices", n, "list", strings.Join(parts[:maxNamed], ", "))
	}
	return lang.List(parts)
}

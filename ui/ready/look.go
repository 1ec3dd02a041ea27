package ready

import (
	"html/template"
	"net/url"

	"github.com/nightfill/nightfill/site"
)

// look is how a verdict looks beside its word: two paths in a square of 96, and the colours of its tab icon.
// The colours of the page itself are in ready.css.
type look struct {
	Class      string // also the value of X-Ready, but for ready_notes
	Shape      string
	Mark       string
	fill, mark string
}

func lookOf(v site.Verdict) look {
	switch v {
	case site.Ready, site.ReadyNotes:
		return look{"ready", "M48 4a44 44 0 1 0 0 88a44 44 0 1 0 0-88z", "M27 50l15 15l28-33", "#28b06d", "#111111"}
	case site.NotReady:
		return look{"not_ready", "M30 4h36l26 26v36l-26 26h-36l-26-26v-36z", "M33 33l30 30M63 33l-30 30", "#8f1313", "#ffffff"}
	case site.Working:
		return look{"working", "M16 4h64v14c0 13-9 22-20 30c11 8 20 17 20 30v14h-64v-14c0-13 9-22 20-30c-11-8-20-17-20-30z",
			"M34 24h28M48 46v10M36 78h24", "#2a6fc4", "#ffffff"}
	}
	return look{"unknown", "M16 4h64a12 12 0 0 1 12 12v64a12 12 0 0 1-12 12h-64a12 12 0 0 1-12-12v-64a12 12 0 0 1 12-12z",
		"M35 38c0-18 26-17 26-1c0 11-13 10-13 21M48 74v1", "#4a5057", "#ffffff"}
}

// icon is the tab icon as a data URL: it needs no second request and changes also when the box is gone.
func (l look) icon() template.URL {
	svg := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><path fill="` + l.fill + `" d="` + l.Shape +
		`"/><path fill="none" stroke="` + l.mark + `" stroke-width="11" stroke-linecap="round" d="` + l.Mark + `"/></svg>`
	return template.URL("data:image/svg+xml," + url.PathEscape(svg))
}

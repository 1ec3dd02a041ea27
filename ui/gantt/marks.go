package gantt

import "strings"

// bar draws one bar in a row.
func (p *pen) bar(b Bar, top float64) {
	x, w := p.axis.bar(b.From, b.To)
	p.put("<g><title>%s</title>\n", safe(b.Title))
	p.shape(b.Kind, x, top+barTop, w, barHeight)
	if word := b.Kind.word(); b.Kind == Install && float64(len(word))*letter+8 < w {
		p.text(x+5, top+barTop+14, word, `font-size="11" fill="#ffffff" font-weight="600"`)
	}
	p.ending(b, x, top+barTop, w)
	p.put("</g>\n")
}

// shape draws a bar without how it ended. Every kind differs from the others in shape or pattern.
func (p *pen) shape(k Kind, x, y, w, h float64) {
	middle := y + h/2
	switch k {
	case Stage:
		p.rect(x, middle-4, w, 8, `fill="`+silver+`" stroke="`+muted+`"`)
	case Wait:
		p.line(x, middle, x+w, middle, `stroke="`+muted+`" stroke-width="2" stroke-dasharray="2 4"`)
		p.line(x, middle-4, x, middle+4, `stroke="`+muted+`" stroke-width="1.5"`)
		p.line(x+w, middle-4, x+w, middle+4, `stroke="`+muted+`" stroke-width="1.5"`)
	case Install:
		p.rect(x, y, w, h, `fill="`+blue+`" stroke="`+navy+`"`)
	case Restart:
		p.rect(x, y, w, h, `fill="url(#nf-restart)" stroke="`+ink+`"`)
	case Verify:
		p.rect(x, y, w, h, `rx="`+n(min(h, w)/2)+`" fill="url(#nf-verify)" stroke="`+pine+`"`)
	case Rollback:
		tip := min(8, w/2)
		p.put("<path d=\"M%s %sL%s %sH%sV%sH%sz\" fill=\"url(#nf-rollback)\" stroke=\"%s\"/>\n",
			n(x), n(middle), n(x+tip), n(y), n(x+w), n(y+h), n(x+tip), brown)
	case Silence:
		p.rect(x, y+h+1.5, w, 5, `fill="#ffffff" stroke="`+muted+`" stroke-width="0.6"`)
		p.line(x, y+h+4, x+w, y+h+4, `stroke="`+ink+`" stroke-width="3" stroke-dasharray="6 5"`)
	}
}

// ending marks a bar that did not end well, or has not ended.
func (p *pen) ending(b Bar, x, y, w float64) {
	size := 14.0
	cx := x + w - size/2 - 2
	if w < size+4 {
		cx = x + w/2
	}
	cx = min(max(cx, plotLeft+size/2), plotRight-size/2)
	middle := y + barHeight/2
	switch b.End {
	case Badly:
		p.put("<use href=\"#nf-failed\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"/>\n", n(cx-size/2), n(middle-size/2), n(size), n(size))
	case Unclear:
		p.put("<use href=\"#nf-unclear\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"/>\n", n(cx-size/2), n(middle-size/2), n(size), n(size))
	case Running:
		tip := min(x+w+7, plotRight)
		p.put("<path d=\"M%s %sL%s %sL%s %s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2.5\"/>\n", n(tip-5), n(y+2), n(tip), n(middle), n(tip-5), n(y+barHeight-2), ink)
	}
}

func (k Kind) word() string {
	return [kinds]string{"stage", "wait", "install", "restart", "verify", "take back", "no answer"}[k]
}

func (s Sign) name() string {
	return [signs]string{"none", "queued", "busy", "done", "back", "broken", "silent", "paused", "skipped"}[s]
}

func (s Sign) word() string {
	return [signs]string{"nothing due", "queued", "under way", "done", "taken back", "failed", "no answer", "held", "skipped"}[s]
}

// legend explains every shape, pattern and sign.
func (p *pen) legend(top float64) {
	small := `font-size="11"`
	x := plotLeft
	p.text(12, top+12, "Bars", `font-weight="600"`)
	for k := range kinds {
		high := 16.0
		if k == Silence {
			high = 4 // it lies below the bars of its lane
		}
		p.shape(k, x, top, 30, high)
		p.text(x+36, top+12, k.word(), small)
		x += 58 + letter*float64(len(k.word()))
	}
	p.rect(x, top, 30, 16, `fill="url(#nf-reserve)" stroke="`+muted+`"`)
	p.text(x+36, top+12, "reserve", small)
	x = plotLeft
	p.text(12, top+40, "Outcomes", `font-weight="600"`)
	for s := range signs {
		p.sign(s, x, top+27, 16)
		p.text(x+20, top+40, s.word(), small)
		x += 36 + letter*float64(len(s.word()))
	}
	for i, mark := range []struct{ id, word string }{{"nf-failed", "step failed"}, {"nf-unclear", "step cut short"}} {
		at := x + 90*float64(i)
		p.put("<use href=\"#%s\" x=\"%s\" y=\"%s\" width=\"14\" height=\"14\"/>\n", mark.id, n(at), n(top+28))
		p.text(at+19, top+40, mark.word, small)
	}
}

// definitions are the patterns and the signs, each drawn once.
func definitions() string {
	symbol := func(id, content string) string {
		return "<symbol id=\"" + id + "\" viewBox=\"0 0 16 16\">" + content + "</symbol>\n"
	}
	stroke := func(colour, width, d string) string {
		return `<path d="` + d + `" fill="none" stroke="` + colour + `" stroke-width="` + width + `" stroke-linecap="round" stroke-linejoin="round"/>`
	}
	octagon := `<path d="M5 1h6l4 4v6l-4 4h-6l-4-4v-6z" fill="` + red + `" stroke="#ffffff" stroke-width="0.8"/>` + stroke("#ffffff", "2", "M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6")
	ring := func(colour string) string {
		return `<circle cx="8" cy="8" r="6.6" fill="#ffffff" stroke="` + colour + `" stroke-width="1.6"/>`
	}
	return strings.Join([]string{
		"<defs>\n",
		pattern("nf-restart", 7, "#ffffff", `<path d="M-1 8L8 -1M-1 1L1 -1M6 8L8 6" stroke="`+ink+`" stroke-width="2.6"/>`),
		pattern("nf-verify", 6, green, `<circle cx="3" cy="3" r="1.1" fill="`+pine+`"/>`),
		pattern("nf-rollback", 6, amber, `<path d="M0 0L6 6M6 0L0 6" stroke="`+brown+`" stroke-width="0.9"/>`),
		pattern("nf-reserve", 9, "none", `<path d="M-1 1L1 -1M-1 10L10 -1M8 10L10 8" stroke="`+muted+`" stroke-width="0.7" stroke-opacity="0.55"/>`),
		pattern("nf-outside", 6, silver, ""),
		symbol("nf-failed", octagon),
		symbol("nf-unclear", `<path d="M8 1L15.4 14.6H0.6z" fill="#ffffff" stroke="`+ink+`" stroke-width="1.4"/>`+stroke(ink, "1.8", "M8 6v4M8 12.4v0.1")),
		symbol("nf-sign-none", stroke(muted, "2", "M4 8h8")),
		symbol("nf-sign-queued", ring(muted)),
		symbol("nf-sign-busy", `<path d="M3 1h10v2.5c0 2-1.6 3.4-3.4 4.5c1.8 1.1 3.4 2.5 3.4 4.5v2.5h-10v-2.5c0-2 1.6-3.4 3.4-4.5c-1.8-1.1-3.4-2.5-3.4-4.5z" fill="`+blue+`" stroke="`+navy+`"/>`+
			stroke("#ffffff", "1.4", "M5.5 13h5M8 8v1.5")),
		symbol("nf-sign-done", `<circle cx="8" cy="8" r="7" fill="`+green+`" stroke="`+pine+`" stroke-width="1.2"/>`+stroke(ink, "2.2", "M4.4 8.4l2.6 2.6l4.8-5.6")),
		symbol("nf-sign-back", `<rect x="1" y="1" width="14" height="14" rx="2" fill="`+amber+`" stroke="`+brown+`" stroke-width="1.2"/>`+
			stroke(ink, "1.9", "M6.4 3.6L3.6 6.2L6.4 8.8M4 6.2h5.2a2.9 2.9 0 0 1 0 5.8h-2.4")),
		symbol("nf-sign-broken", octagon),
		symbol("nf-sign-silent", `<rect x="1.2" y="1.2" width="13.6" height="13.6" fill="`+faint+`" stroke="`+muted+`" stroke-width="1.4" stroke-dasharray="2.6 1.8"/>`+
			stroke(ink, "1.8", "M5.8 6.2c0-3 4.4-2.9 4.4-0.1c0 1.8-2.2 1.7-2.2 3.5M8 12.4v0.1")),
		symbol("nf-sign-paused", ring(ink)+stroke(ink, "2", "M6 5v6M10 5v6")),
		symbol("nf-sign-skipped", ring(muted)+stroke(muted, "1.8", "M3.6 12.4L12.4 3.6")),
		"</defs>\n",
	}, "")
}

func pattern(id string, size float64, ground, content string) string {
	s := n(size)
	return "<pattern id=\"" + id + "\" width=\"" + s + "\" height=\"" + s + "\" patternUnits=\"userSpaceOnUse\">" +
		`<rect width="` + s + `" height="` + s + `" fill="` + ground + `"/>` + content + "</pattern>\n"
}

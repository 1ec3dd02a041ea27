package gantt

import (
	"bytes"
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Measures, in the units of the picture.
const (
	width     = 1120.0
	plotLeft  = 150.0
	plotRight = 970.0
	rowHeight = 46.0
	barTop    = 19.0 // in a row
	barHeight = 20.0
	letter    = 6.3 // a wide guess at one letter of 11 units
)

// Colours, the palette of all surfaces.
const (
	ink    = "#111111"
	muted  = "#4a5057"
	faint  = "#e3e5e8"
	zebra  = "#f4f5f6"
	green  = "#28b06d"
	pine   = "#0b5d37"
	red    = "#8f1313"
	amber  = "#ffc62b"
	brown  = "#7a5200"
	blue   = "#2a6fc4"
	navy   = "#0f3f7f"
	silver = "#cfd4da"
)

// SVG draws a chart. The result is one svg element, good as a file and inside of an HTML page.
func SVG(c Chart) []byte {
	whole := c.whole(plotLeft, plotRight)
	near, zoomed := c.closer(whole)
	p := &pen{chart: c, axis: near}
	head := 56.0
	if c.Bare {
		head = 8
	}
	top := head + 24
	if zoomed {
		top = head + 76
	}
	bottom := top + rowHeight*float64(max(1, len(c.Lanes)))
	height := bottom + 92
	p.open(height)
	if !c.Bare {
		p.heading()
	}
	if zoomed {
		p.overview(whole, near, head+8, top-26)
	}
	p.ground(top, bottom)
	for i, lane := range c.Lanes {
		p.lane(lane, top+rowHeight*float64(i))
	}
	if len(c.Lanes) == 0 {
		p.text(plotLeft+10, top+28, "Nothing was planned, and no device is known.", `fill="`+muted+`" font-style="italic"`)
	}
	p.lines(top, bottom)
	p.legend(bottom + 34)
	p.put("</svg>\n")
	return p.Bytes()
}

type pen struct {
	bytes.Buffer
	chart Chart
	axis  axis
}

func (p *pen) put(format string, args ...any) { fmt.Fprintf(&p.Buffer, format, args...) }

// n writes a number as short as it may be.
func n(v float64) string {
	text := strconv.FormatFloat(v, 'f', 1, 64)
	return strings.TrimSuffix(text, ".0")
}

// safe writes a text so that XML can hold it.
func safe(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return html.EscapeString(text)
}

// cut shortens a text to what fits; what is cut is told by the title of what it belongs to.
func cut(text string, room float64) string {
	fits := int(room / letter)
	if utf8.RuneCountInString(text) <= fits {
		return text
	}
	if fits < 4 {
		return ""
	}
	return string([]rune(text)[:fits-1]) + "…"
}

func (p *pen) text(x, y float64, text, attrs string) {
	if text != "" {
		p.put("<text x=\"%s\" y=\"%s\" %s>%s</text>\n", n(x), n(y), attrs, safe(text))
	}
}

func (p *pen) line(x1, y1, x2, y2 float64, attrs string) {
	p.put("<path d=\"M%s %sL%s %s\" fill=\"none\" %s/>\n", n(x1), n(y1), n(x2), n(y2), attrs)
}

func (p *pen) rect(x, y, w, h float64, attrs string) {
	p.put("<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" %s/>\n", n(x), n(y), n(w), n(h), attrs)
}

func (p *pen) sign(s Sign, x, y, size float64) {
	p.put("<use href=\"#nf-sign-%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"/>\n", s.name(), n(x), n(y), n(size), n(size))
}

func (p *pen) open(height float64) {
	c := p.chart
	p.put("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %s %s\" width=\"%s\" height=\"%s\" role=\"img\" aria-labelledby=\"nf-title nf-desc\" "+
		"font-family=\"system-ui, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif\" font-size=\"12\" fill=\"%s\">\n",
		n(width), n(height), n(width), n(height), ink)
	p.put("<title id=\"nf-title\">%s</title>\n<desc id=\"nf-desc\">%s</desc>\n", safe(c.Title), safe(c.Sub))
	p.put("%s", definitions())
	p.rect(0, 0, width, height, `fill="#ffffff"`)
}

func (p *pen) heading() {
	p.text(12, 25, p.chart.Title, `font-size="18" font-weight="700"`)
	p.text(12, 45, p.chart.Sub, `font-size="13" fill="`+muted+`"`)
}

// overview is the whole window above the part of it that is drawn below.
func (p *pen) overview(whole, near axis, top, foot float64) {
	c, high := p.chart, 12.0
	p.put("<g><title>%s</title>\n", safe("The whole window, "+whole.clock(c.Opens)+" to "+whole.clock(c.Closes)+", and the part of it that is drawn below"))
	p.rect(whole.at(c.Opens), top, whole.at(c.Closes)-whole.at(c.Opens), high, `fill="#ffffff" stroke="`+muted+`"`)
	p.rect(whole.at(c.Cutoff), top, whole.at(c.Closes)-whole.at(c.Cutoff), high, `fill="url(#nf-reserve)" stroke="`+muted+`"`)
	x, w := whole.bar(near.from, near.to)
	p.rect(x, top, w, high, `fill="`+muted+`"`)
	p.put("<path d=\"M%s %sL%s %sH%sL%s %sz\" fill=\"%s\"/>\n", n(x), n(top+high), n(plotLeft), n(foot), n(plotRight), n(x+w), n(top+high), zebra)
	p.line(x, top+high, plotLeft, foot, `stroke="`+muted+`" stroke-width="0.8" stroke-dasharray="3 3"`)
	p.line(x+w, top+high, plotRight, foot, `stroke="`+muted+`" stroke-width="0.8" stroke-dasharray="3 3"`)
	small := `font-size="11" fill="` + muted + `"`
	p.text(whole.at(c.Opens)-6, top+10, whole.clock(c.Opens), small+` text-anchor="end"`)
	p.text(whole.at(c.Closes)+6, top+10, whole.clock(c.Closes)+" closes", small)
	p.text(whole.at(c.Cutoff)-6, top+10, "cut-off "+whole.clock(c.Cutoff), small+` text-anchor="end"`)
	if !c.Now.IsZero() {
		p.line(whole.at(c.Now), top-4, whole.at(c.Now), top+high+4, `stroke="`+red+`" stroke-width="2"`)
	}
	p.put("</g>\n")
}

// ground is what lies behind the bars: rows, hours, the reserve and what is outside of the window.
func (p *pen) ground(top, bottom float64) {
	c, a := p.chart, p.axis
	for i := range c.Lanes {
		if i%2 == 0 {
			p.rect(0, top+rowHeight*float64(i), width, rowHeight, `fill="`+zebra+`"`)
		}
	}
	shade := func(from, to time.Time, fill, title string) {
		x1, x2 := a.at(from), a.at(to)
		if x2-x1 > 0.5 {
			p.put("<g><title>%s</title>", safe(title))
			p.rect(x1, top, x2-x1, bottom-top, `fill="`+fill+`"`)
			p.put("</g>\n")
		}
	}
	shade(a.from, c.Opens, "url(#nf-outside)", "before the window opens")
	shade(c.Closes, a.to, "url(#nf-outside)", "after the window closed")
	shade(c.Cutoff, c.Closes, "url(#nf-reserve)", "the reserve: from the cut-off on nothing is begun; what runs is finished or taken back")
	for _, t := range a.ticks() {
		p.line(a.at(t), top, a.at(t), bottom, `stroke="`+silver+`" stroke-width="1"`)
		p.text(a.at(t), top-8, a.clock(t), `text-anchor="middle" font-size="11" fill="`+muted+`"`)
	}
	p.rect(plotLeft, top, plotRight-plotLeft, bottom-top, `fill="none" stroke="`+muted+`"`)
}

// lines are the moments that matter, in front of the bars.
func (p *pen) lines(top, bottom float64) {
	c, a := p.chart, p.axis
	mark := func(t time.Time, word, attrs, anchor string) {
		if t.IsZero() || !a.shows(t) {
			return
		}
		p.line(a.at(t), top, a.at(t), bottom+5, attrs)
		p.text(a.at(t), bottom+17, word+" "+a.clock(t), `font-size="11" font-weight="700" text-anchor="`+anchor+`"`)
	}
	before, after := "start", "end" // the words lean away from each other
	if c.Now.IsZero() || c.Now.After(c.Cutoff) {
		before, after = after, before
	}
	mark(c.Cutoff, "cut-off", `stroke="`+ink+`" stroke-width="2" stroke-dasharray="7 4"`, before)
	if c.Now.IsZero() && a.to.After(c.Closes) {
		mark(c.Closes, "closes", `stroke="`+ink+`" stroke-width="2"`, "start")
	}
	mark(c.Now, "now", `stroke="`+red+`" stroke-width="2"`, after)
}

func (p *pen) lane(lane Lane, top float64) {
	p.put("<g><title>%s</title>\n", safe(strings.TrimSuffix(lane.Name+": "+lane.Word+". "+lane.Note, ". ")))
	p.text(12, top+30, cut(lane.Name, (plotLeft-20)*0.8), `font-size="13" font-weight="600"`)
	p.sign(lane.Sign, plotRight+10, top+15, 18)
	p.text(plotRight+34, top+28, cut(lane.Word, width-plotRight-34), ``)
	p.put("</g>\n")
	drawn := false
	for i, task := range lane.Tasks {
		if len(task.Bars) == 0 {
			continue
		}
		drawn = true
		end := plotRight
		for _, next := range lane.Tasks[i+1:] {
			if len(next.Bars) > 0 {
				end = p.axis.at(next.Bars[0].From)
				break
			}
		}
		p.task(task, top, end)
	}
	if !drawn && lane.Note != "" {
		p.put("<g><title>%s</title>", safe(lane.Note))
		p.text(plotLeft+10, top+28, cut(lane.Note, plotRight-plotLeft-20), `font-style="italic" fill="`+muted+`"`)
		p.put("</g>\n")
	}
}

// task writes the name of a patch above its bars, as far as there is room to the next one.
func (p *pen) task(task Task, top, end float64) {
	first := task.Bars[0].From
	x := p.axis.at(first)
	if room := end - x - 17; room > 0 {
		p.sign(task.Sign, x, top+4, 12)
		p.text(x+15, top+14, cut(task.Name, room), `font-size="11"`)
	}
	for _, bar := range task.Bars {
		p.bar(bar, top)
	}
}

package ready

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site"
)

// style reads the colour of a property of a selector from the style sheet.
func style(t *testing.T, selector, property string) string {
	t.Helper()
	css, err := files.ReadFile("ready.css")
	if err != nil {
		t.Fatal(err)
	}
	rule := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(selector) + `\{([^}]*)\}`).FindSubmatch(css)
	if rule == nil {
		t.Fatalf("no rule for %s", selector)
	}
	value := regexp.MustCompile(`(?:^|;)` + property + `:[^;]*(#[0-9a-f]{3,6})`).FindSubmatch(rule[1])
	if value == nil {
		t.Fatalf("%s has no %s", selector, property)
	}
	return string(value[1])
}

type rgb [3]float64 // linear light, 0 to 1

func parse(t *testing.T, hex string) rgb {
	t.Helper()
	hex = strings.TrimPrefix(hex, "#")
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil || len(hex) != 6 {
		t.Fatalf("%q is no colour", hex)
	}
	var c rgb
	for i := range c {
		v := float64(n>>(16-8*i)&255) / 255
		if c[i] = v / 12.92; v > 0.04045 {
			c[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return c
}

func (c rgb) luminance() float64 { return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] }

func contrast(a, b rgb) float64 {
	light, dark := max(a.luminance(), b.luminance()), min(a.luminance(), b.luminance())
	return (light + 0.05) / (dark + 0.05)
}

func TestContrast(t *testing.T) {
	const text, border = 4.5, 3
	ground := style(t, "html", "background")
	tests := []struct {
		name, a, b string
		least      float64
	}{
		{"body", style(t, "html", "color"), ground, 7},
		{"muted", style(t, ".since,.foot,.printed", "color"), ground, 7},
		{"muted on a card", style(t, ".since,.foot,.printed", "color"), style(t, ".card", "background"), 7},
		{"link", style(t, "a", "color"), ground, 7},
		{"button", style(t, "button", "color"), style(t, "button", "background"), 7},
		{"button outline", style(t, "button", "border"), ground, border},
		{"red heading", style(t, ".red h2", "color"), style(t, ".red h2", "background"), 7},
		{"amber heading", style(t, ".amber h2", "color"), style(t, ".amber h2", "background"), 7},
		{"amber outline", style(t, ".amber h2", "border"), ground, border},
		{"red card", style(t, ".red .card", "border-left-color"), ground, border},
		{"amber card", style(t, ".amber .card", "border-left-color"), ground, border},
	}
	for _, class := range []string{"ready", "not_ready", "working", "unknown"} {
		banner := "." + class + " .banner"
		fill, ink := style(t, banner, "background"), style(t, banner, "color")
		tests = append(tests, []struct {
			name, a, b string
			least      float64
		}{
			{class + " text", ink, fill, text},
			{class + " mark on its shape", style(t, "."+class+" .mark", "stroke"), ink, border},
			{class + " border on the page", style(t, banner, "border-color"), ground, border},
		}...)
	}
	for _, tt := range tests {
		if got := contrast(parse(t, tt.a), parse(t, tt.b)); got < tt.least {
			t.Errorf("%s: %s on %s is %.2f, want %.1f", tt.name, tt.a, tt.b, got, tt.least)
		}
	}
}

// eyes are the ways of seeing: Machado, Oliveira and Fernandes 2009 at full severity, and a grey print.
func eyes() map[string][3]rgb {
	return map[string][3]rgb{
		"normal": {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
		"protan": {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
		"deutan": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
		"tritan": {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
		"grey":   {{0.2126, 0.7152, 0.0722}, {0.2126, 0.7152, 0.0722}, {0.2126, 0.7152, 0.0722}},
	}
}

func (c rgb) seen(m [3]rgb) rgb {
	var out rgb
	for i, row := range m {
		out[i] = min(1, max(0, row[0]*c[0]+row[1]*c[1]+row[2]*c[2]))
	}
	return out
}

// lab converts to CIE L*a*b* under D65.
func (c rgb) lab() (l, a, b float64) {
	f := func(v float64) float64 {
		if v > 216.0/24389 {
			return math.Cbrt(v)
		}
		return (24389.0/27*v + 16) / 116
	}
	x := f((0.4124564*c[0] + 0.3575761*c[1] + 0.1804375*c[2]) / 0.95047)
	y := f(0.2126729*c[0] + 0.7151522*c[1] + 0.0721750*c[2])
	z := f((0.0193339*c[0] + 0.1191920*c[1] + 0.9503041*c[2]) / 1.08883)
	return 116*y - 16, 500 * (x - y), 200 * (y - z)
}

// distance is CIEDE2000.
func distance(p, q rgb) float64 {
	const deg = math.Pi / 180
	l1, a1, b1 := p.lab()
	l2, a2, b2 := q.lab()
	c7 := math.Pow((math.Hypot(a1, b1)+math.Hypot(a2, b2))/2, 7)
	g := 1.5 - 0.5*math.Sqrt(c7/(c7+math.Pow(25, 7)))
	c1, c2 := math.Hypot(a1*g, b1), math.Hypot(a2*g, b2)
	hue := func(a, b float64) float64 { return math.Mod(math.Atan2(b, a)/deg+360, 360) }
	h1, h2 := hue(a1*g, b1), hue(a2*g, b2)
	dh, hm := h2-h1, (h1+h2)/2
	if c1*c2 == 0 {
		dh, hm = 0, h1+h2
	} else if math.Abs(dh) > 180 {
		dh -= math.Copysign(360, dh)
		hm = math.Mod(hm+180, 360)
	}
	lm, cm := (l1+l2)/2, (c1+c2)/2
	t := 1 - 0.17*math.Cos((hm-30)*deg) + 0.24*math.Cos(2*hm*deg) + 0.32*math.Cos((3*hm+6)*deg) - 0.20*math.Cos((4*hm-63)*deg)
	sl := 1 + 0.015*(lm-50)*(lm-50)/math.Sqrt(20+(lm-50)*(lm-50))
	cm7 := math.Pow(cm, 7)
	rt := -2 * math.Sqrt(cm7/(cm7+math.Pow(25, 7))) * math.Sin(60*deg*math.Exp(-math.Pow((hm-275)/25, 2)))
	dl, dc, dH := (l2-l1)/sl, (c2-c1)/(1+0.045*cm), 2*math.Sqrt(c1*c2)*math.Sin(dh/2*deg)/(1+0.015*cm*t)
	return math.Sqrt(dl*dl + dc*dc + dH*dH + rt*dc*dH)
}

func TestVerdictsDifferForEveryEye(t *testing.T) {
	classes := []string{"ready", "not_ready", "working", "unknown"}
	for eye, m := range eyes() {
		for i, a := range classes {
			for _, b := range classes[i+1:] {
				least := 12.0
				if a == "ready" && b == "not_ready" {
					least = 25
				}
				p := parse(t, style(t, "."+a+" .banner", "background"))
				q := parse(t, style(t, "."+b+" .banner", "background"))
				if got := distance(p.seen(m), q.seen(m)); got < least {
					t.Errorf("%s and %s seen by %s are %.1f apart, want %.0f", a, b, eye, got, least)
				}
			}
		}
	}
	if got := contrast(parse(t, style(t, ".ready .banner", "background")), parse(t, style(t, ".not_ready .banner", "background"))); got < 3 {
		t.Errorf("READY and NOT READY differ by %.2f in light alone, want 3", got)
	}
	naive := distance(parse(t, "#008000").seen(eyes()["protan"]), parse(t, "#ff0000").seen(eyes()["protan"]))
	if math.Abs(naive-7.7) > 0.5 {
		t.Errorf("plain green and red seen by protan: %.1f, published 7.7: the measure is wrong", naive)
	}
}

func TestVerdictsDifferWithoutColour(t *testing.T) {
	seen := map[string]string{}
	for _, v := range []site.Verdict{site.Ready, site.NotReady, site.Working, site.CannotTell} {
		l := lookOf(v)
		for _, path := range []string{l.Shape, l.Mark, string(l.icon())} {
			if other, twice := seen[path]; twice {
				t.Errorf("%s looks like %s", v, other)
			}
			seen[path] = string(v)
		}
	}
}

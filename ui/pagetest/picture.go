package pagetest

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/chromedp/chromedp"
)

// colours is how many a picture has: more are not needed for letters and areas.
const colours = 64

// Picture writes what is on the screen to a PNG file with few colours, when NIGHTFILL_SCREENS is set.
func (tab *Tab) Picture(parts ...string) {
	tab.t.Helper()
	if os.Getenv("NIGHTFILL_SCREENS") == "" {
		return
	}
	body, err := reduce(get(tab, chromedp.CaptureScreenshot()))
	if err == nil {
		err = os.WriteFile(filepath.Join(parts...), body, 0o644)
	}
	if err != nil {
		tab.t.Fatal(err)
	}
}

// reduce keeps the colours of a PNG image that it has most of, and writes the others as the nearest of those.
func reduce(body []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("cannot read the picture of a page: %w", err)
	}
	area, count := full.Bounds(), map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(full.At(x, y)).(color.RGBA) }
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	most := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	var few color.Palette
	for _, c := range most[:min(len(most), colours)] {
		few = append(few, c)
	}
	nearest := map[color.RGBA]uint8{}
	for c := range count {
		nearest[c] = uint8(few.Index(c))
	}
	small := image.NewPaletted(area, few)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			small.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small)
	return out.Bytes(), err
}

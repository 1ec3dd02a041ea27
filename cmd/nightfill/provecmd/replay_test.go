package provecmd

import (
	"testing"

	"github.com/nightfill/nightfill/site"
)

func TestBroke(t *testing.T) {
	compared := []site.Compared{
		{Check: "POS-1", Device: "srv-1", Before: site.Pass, After: site.Pass},
		{Check: "POS-3", Device: "srv-3", Before: site.Pass, After: site.Fail, Text: "It broke during tonight's work on srv-3 (pos-2)."},
	}
	if got := broke(compared); got != "POS-3 fails. It broke during tonight's work on srv-3 (pos-2)." {
		t.Errorf("the replay says %q", got)
	}
}

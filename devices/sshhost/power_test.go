package sshhost_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site"
)

// TestPowerSupplies has a device tell of the power supplies that it has in /sys.
func TestPowerSupplies(t *testing.T) {
	t.Parallel()
	host, driver := fake(t)
	mains := func(online string) string { return "AC type=Mains online=" + online }
	for _, c := range []struct {
		name     string
		supplies []string
		want     *site.Power
	}{
		{"nothing", nil, nil},
		{"a server", []string{mains("1")}, nil},
		{"a tablet on its charger", []string{mains("1"), "BAT0 type=Battery capacity=80 status=Charging"}, &site.Power{OnMains: true, Battery: 80}},
		{"a tablet in a hand", []string{mains("0"), "BAT0 type=Battery capacity=29 status=Discharging"}, &site.Power{Battery: 29}},
		{"an empty one", []string{"BAT0 type=Battery capacity=0 status=Discharging"}, &site.Power{}},
		{"charging over USB", []string{"usb type=USB_PD online=1", "BAT0 type=Battery capacity=50 status=Not-charging"}, &site.Power{OnMains: true, Battery: 50}},
		{"one that tells of no charger", []string{"BAT0 type=Battery capacity=100 status=Full"}, &site.Power{OnMains: true, Battery: 100}},
		{"two batteries", []string{mains("0"), "BAT0 type=Battery capacity=4 status=Unknown", "BAT1 type=Battery capacity=77 status=Discharging"}, &site.Power{Battery: 77}},
		{"a scanner's battery", []string{mains("1"), "hid type=Battery scope=Device capacity=12 status=Discharging"}, nil},
		{"one that cannot tell its charge", []string{mains("0"), "BAT0 type=Battery status=Unknown"}, nil},
		{"one that tells nonsense", []string{mains("0"), "BAT0 type=Battery capacity=-5 status=Unknown"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			script := `d="$NIGHTFILL_ROOT/sys/class/power_supply"; rm -rf "$d"`
			for _, s := range c.supplies {
				words := strings.Fields(s)
				script += fmt.Sprintf(`; mkdir -p "$d/%s"`, words[0])
				for _, word := range words[1:] {
					file, text, _ := strings.Cut(word, "=")
					script += fmt.Sprintf(`; echo %s >"$d/%s/%s"`, text, words[0], file)
				}
			}
			if _, err := host.Run(context.Background(), script); err != nil {
				t.Fatal(err)
			}
			o, err := driver.Probe(context.Background(), host.Device())
			if err != nil || !reflect.DeepEqual(o.Power, c.want) {
				t.Errorf("%+v, %v; want %+v", o.Power, err, c.want)
			}
		})
	}
}

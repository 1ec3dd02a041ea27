package scenario

import (
	"fmt"
	"strings"
)

// Large is the text of a store with so many devices, of which three quarters are tills, and with
// so many patches, each for all of them: the size for which figures are given.
func Large(devices, patches int) string {
	var b strings.Builder
	b.WriteString("store 0142 reserve=20m\n" +
		"group secondary before=primary,lanes canary\n" +
		"group primary before=lanes min_up=1\n" +
		"group lanes min_up=10 max_down=33% canary\n" +
		"group kiosks max_down=50% canary\n" +
		"hold srv-1 until=23:30\n")
	for i := range devices {
		name, groups := fmt.Sprintf("till-%d", i), "lanes"
		switch {
		case i%20 == 1:
			name, groups = fmt.Sprintf("srv-%d", i), "secondary"
		case i%20 == 2:
			name, groups = fmt.Sprintf("srv-%d", i), "primary"
		case i%20 > 16:
			name, groups = fmt.Sprintf("kiosk-%d", i), "kiosks"
		}
		fmt.Fprintf(&b, "device %s groups=%s has=", name, groups)
		for p := range patches {
			fmt.Fprintf(&b, "package-%d:1.%d.0-1,", p%(patches-patches/4), p%3)
		}
		b.WriteString("\n")
	}
	for p := range patches {
		fmt.Fprintf(&b, "patch package-%d-2.%d package=package-%d below=2.%d.0-1 install=40s restart=60s verify=20s revert=60s", p, p, p%(patches-patches/4), p)
		switch p % 4 {
		case 0:
			b.WriteString(" severity=critical gate=wait")
		case 1:
			b.WriteString(" reboot=always")
		case 2:
			fmt.Fprintf(&b, " requires=package-%d-2.%d", p-1, p-1)
		}
		b.WriteString("\n")
	}
	return b.String()
}

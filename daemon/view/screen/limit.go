package screen

import (
	"fmt"
	"strings"

	"github.com/nightfill/nightfill/site"
)

// limit says what a check goes by, in words; "" = that it works at all.
func limit(c site.Check) string {
	switch c.Kind {
	case site.CheckDisk:
		return "at least " + c.MinFree + " free"
	case site.CheckClock:
		return "off by at most " + c.MaxSkew.Std().String()
	case site.CheckCert:
		return fmt.Sprintf("warns from %d days left, fails from %d", c.Warn, c.Fail)
	case site.CheckVersion:
		var parts []string
		if c.AtLeast != "" {
			parts = append(parts, "at least "+c.AtLeast)
		}
		if c.AtMost != "" {
			parts = append(parts, "at most "+c.AtMost)
		}
		return strings.Join(parts, ", ")
	case site.CheckFileAge:
		return "at most " + c.Max.Std().String() + " old"
	case site.CheckAgent:
		return "heard within " + c.Max.Std().String()
	case site.CheckBattery:
		return fmt.Sprintf("at least %d %% charged", c.MinCharge)
	case site.CheckHTTP, site.CheckTCP, site.CheckGateway, site.CheckDNS, site.CheckPrinter:
		if c.Expect != "" {
			return "answers with " + c.Expect
		}
	}
	return ""
}

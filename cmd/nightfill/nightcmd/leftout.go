package nightcmd

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
)

// printLeftOut writes what a night leaves out, by reason; what was not due only when all is wanted.
func printLeftOut(p *printout.Printer, report plan.Report, all bool) {
	groups, notDue := wire.Grouped(report)
	if len(groups) > 0 {
		p.Line("\n%s", p.Paint(printout.Heading, "Left out:"))
	}
	for _, g := range groups {
		printGroup(p, printout.Words(g.Code), g.Items)
	}
	switch {
	case len(notDue) > 0 && all:
		p.Line("\n%s", p.Paint(printout.Heading, "Not due:"))
		printItems(p, notDue)
	case len(notDue) > 0:
		p.Line("\n%d not due (%s); --all shows them.", len(notDue), byCode(notDue))
	}
}

// byCode counts reasons, in the order in which they come first.
func byCode(items []plan.LeftOut) string {
	var codes []site.Code
	counts := map[site.Code]int{}
	for _, l := range items {
		if counts[l.Reason.Code]++; counts[l.Reason.Code] == 1 {
			codes = append(codes, l.Reason.Code)
		}
	}
	parts := make([]string, 0, len(codes))
	for _, c := range codes {
		parts = append(parts, fmt.Sprintf("%d %s", counts[c], printout.Words(c)))
	}
	return strings.Join(parts, ", ")
}

func printGroup(p *printout.Printer, name string, items []plan.LeftOut) {
	p.Line("  %s (%d)", name, len(items))
	printItems(p, items)
}

func printItems(p *printout.Printer, items []plan.LeftOut) {
	width := 0
	for _, l := range items {
		width = max(width, utf8.RuneCountInString(what(l)))
	}
	for _, l := range items {
		p.Line("    %-*s  %s", width, what(l), printout.Reason(l.Reason))
	}
}

// what names what was left out.
func what(l plan.LeftOut) string {
	switch {
	case l.Device == "" && l.Patch == "":
		return "the store"
	case l.Patch == "":
		return l.Device
	case l.Device == "":
		return l.Patch
	}
	return l.Device + " " + l.Patch
}

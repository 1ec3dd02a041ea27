package ready

import "github.com/nightfill/nightfill/site"

// words are the texts of the page that no report carries. Another language is another value of it.
type words struct {
	Lang, Store                        string
	Fix, Know, More                    string // headings
	Do, Stays, StaysNote               string
	Call, CallNobody, Say, Since       string
	Working, Able, Needed              string
	Again, Bigger, Smaller             string
	Checked, Next, Printed             string
	Asked                              string
	Hand                               string
	HandSteps                          []string
	LostText, LostFrom, LostCode       string
	LostSteps                          []string
	TooSoon, Failed, Foreign, BackLink string
	DoNotSwitch                        string
}

func english() words {
	return words{
		Lang: "en", Store: "Store",
		Fix: "Fix this first", Know: "To know", More: "and %d more",
		Do: "Do this", Stays: "If it stays red", StaysNote: "If it stays like this",
		Call: "Call", CallNobody: "Call for help", Say: "Say code", Since: "Since",
		Working: "What is working (%d of %d)", Able: "%s: %d of %d", Needed: "%d needed",
		Again: "Check again now", Bigger: "Bigger", Smaller: "Smaller",
		Checked: "Checked %s by the store box.", Next: "Next check %s.", Printed: "Printed %s. It may be out of date.",
		Asked:     "A new check has started. It takes about 1 minute.",
		Hand:      "Try it by hand",
		HandSteps: []string{"Sign on at 1 till.", "Scan 1 item. Look at its price.", "Look at the card machine. It must be awake."},
		LostText:  "This screen cannot reach the store box.", LostFrom: "What is below is from %s.", LostCode: "BOX-1",
		LostSteps: []string{"Look if the store box has power.", "Look if this screen is on the store network.", "Wait 2 minutes. This page will change by itself."},
		TooSoon:   "A check was started less than 1 minute ago. Wait for it.",
		Failed:    "The store box could not start a check. It checks again by itself.",
		Foreign:   "This button works only on the page of the store box.",
		BackLink:  "Back", DoNotSwitch: "Do not switch anything off.",
	}
}

// codeUnsure is what to say on the phone when the box does not know, as opposed to one thing that failed.
const codeUnsure = "BOX-2"

// advice is the sentence under the sentence: what to do about a verdict as a whole.
func (w words) advice(v site.Verdict) string {
	if v == site.Working {
		return w.DoNotSwitch
	}
	return ""
}

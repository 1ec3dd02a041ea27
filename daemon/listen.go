package daemon

import (
	"context"
	"net/http"
	"syscall"

	"github.com/nightfill/nightfill/daemon/serve"
	"github.com/nightfill/nightfill/site"
	readypage "github.com/nightfill/nightfill/ui/ready"
)

const (
	perAddress = 64   // connections of one address to one port of the box at once
	browser    = 6    // connections that a browser opens
	roomAtMost = 1024 // connections to one port together
)

// room is how many connections one of so many ports may have: half of the files that the program may have open are kept
// for devices, the journal and the catalog, however many come.
func room(ports int) int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return roomAtMost
	}
	return roomOf(files.Cur, ports)
}

func roomOf(files uint64, ports int) int {
	return max(browser, int(min(files/2/uint64(ports), roomAtMost)))
}

// listen opens the addresses of the store file. Either all of them are open or none.
func (d *Daemon) listen() ([]serve.Listener, error) {
	pages := []serve.Page{
		{Name: "ready", Address: d.Config.Listen.Ready, Handler: d.readyPage()},
		{Name: "metrics", Address: d.Config.Listen.Metrics, Handler: serve.Metrics(d.registry(), d.notify.Silent)},
	}
	if d.console != nil {
		pages = append(pages, serve.Page{Name: "console", Address: d.Config.Listen.Console, Handler: d.console.Handler(), TLS: d.consoleTLS()})
	}
	together := room(len(pages))
	for i := range pages {
		pages[i].Place = "listen." + pages[i].Name + " in the store file"
		pages[i].PerAddress, pages[i].Room = min(perAddress, max(browser, together/2)), together
		pages[i].Advice = "choose another address or write off"
	}
	return serve.Open(pages, d.Log)
}

func (d *Daemon) readyPage() http.Handler {
	o := readypage.Options{
		Report: d.reportIn, Language: d.store.Language, Next: d.checker.Next, Zone: d.store.Calendar.Zone, Store: d.store.ID + " " + d.store.Name, Log: d.Log,
		Check: func(context.Context) error {
			d.checker.Kick()
			return nil
		},
	}
	o.Contacts, o.NotTonight = d.store.Contacts, d.notTonight()
	if len(d.store.Contacts) > 0 {
		o.Call, o.Phone = d.store.Contacts[0].Name, d.store.Contacts[0].Phone
	}
	return timed(d.readyTook, readypage.Handler(o))
}

// verdicts are the values of the ready metric, one of which is 1.
func verdicts() []site.Verdict {
	return []site.Verdict{site.Ready, site.ReadyNotes, site.NotReady, site.Working, site.CannotTell}
}

package daemon

import (
	"context"
	"net/http"

	"github.com/nightfill/nightfill/daemon/serve"
	"github.com/nightfill/nightfill/site"
	readypage "github.com/nightfill/nightfill/ui/ready"
)

// perAddress is how many connections one address may have to one port of the box at once. A browser opens six.
const perAddress = 64

// listen opens the addresses of the store file. Either all of them are open or none.
func (d *Daemon) listen() ([]serve.Listener, error) {
	pages := []serve.Page{
		{Name: "ready", Address: d.Config.Listen.Ready, Handler: d.readyPage()},
		{Name: "metrics", Address: d.Config.Listen.Metrics, Handler: serve.Metrics(d.registry(), d.notify.Silent)},
	}
	if d.console != nil {
		pages = append(pages, serve.Page{Name: "console", Address: d.Config.Listen.Console, Handler: d.console.Handler(), TLS: d.consoleTLS()})
	}
	for i := range pages {
		pages[i].Place = "listen." + pages[i].Name + " in the store file"
		pages[i].PerAddress = perAddress
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

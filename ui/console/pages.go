package console

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/ui/console/live"
)

//go:embed pages.html
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages.html"))

// look is what every page has.
type look struct {
	Title string // of the window
	Store string
	Name  string
	User  live.User
	In    bool
	Acts  bool // the person may act
	App   bool // the page becomes the app where scripts run
	Body  any
}

// loginView is the form of the login, or of the claim.
type loginView struct {
	Name, Error, To, Show string
	Claim, Claimed, Code  bool
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func (c *Console) loginPage(w http.ResponseWriter, status int, v loginView) {
	if !v.Claimed {
		v.Claim = c.Accounts.Claimable()
	}
	v.To = ownPath(v.To)
	c.page(w, status, "login", look{Title: "Log in", Body: v})
}

// page renders into memory first: half a page would be worse than none.
func (c *Console) page(w http.ResponseWriter, status int, name string, v look) {
	v.Store, v.Name, v.Acts = c.Store, c.Name, v.User.Role.May(site.TierMild)
	var buf bytes.Buffer
	if err := pages.ExecuteTemplate(&buf, name, v); err != nil {
		c.Log.Error("cannot render a page of the console", "page", name, "err", err)
		http.Error(w, "The box cannot show this page. Its log says why.", http.StatusInternalServerError)
		return
	}
	c.send(w, status, "text/html; charset=utf-8", buf.Bytes())
}

func (c *Console) send(w http.ResponseWriter, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		c.Log.Debug("a reader of the console went away", "err", err)
	}
}

// row is a device as the pages without scripts show it.
type row struct {
	Device  string    `json:"device"`
	Class   string    `json:"class"`
	State   string    `json:"state"`
	Since   time.Time `json:"since"`
	Patch   string    `json:"patch"`
	System  string    `json:"system"`
	Answers bool      `json:"answers"`
	SeenAt  time.Time `json:"seen_at"`
	Problem bool      `json:"problem"`
	Reason  *note     `json:"reason"`
	Held    *held     `json:"held"`
	AsOf    string    `json:"-"`
	Jobs    []jobRow  `json:"jobs"`
	From    string    `json:"installed_version"`
}

type note struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

type held struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
	Actor  string    `json:"actor"`
}

// jobRow is a patch of a device in the newest night.
type jobRow struct {
	Patch  string `json:"patch"`
	State  string `json:"state"`
	Reason *note  `json:"reason"`
	Steps  []struct {
		Step    string `json:"step"`
		Outcome string `json:"outcome"`
		Output  string `json:"output"`
	} `json:"steps"`
}

// storeRow is the head of the pages.
type storeRow struct {
	Verdict string    `json:"verdict"`
	Text    string    `json:"text"`
	Now     time.Time `json:"now"`
	Above   *held     `json:"held_by_headquarters"`
}

// overview is everything that the pages without scripts are made of.
type overview struct {
	Store    storeRow
	Problems []row
	Others   []row
	AsOf     string
}

func words(state string) string { return strings.ReplaceAll(state, "_", " ") }

// overview reads the board back.
func (c *Console) overview(sheets []live.Sheet) overview {
	v := overview{AsOf: c.clock(time.Now())}
	for _, s := range sheets {
		switch s.Channel {
		case live.ChannelStore:
			_ = json.Unmarshal(s.Body, &v.Store) // a field of another form stays empty
		case live.ChannelDevice:
			var r row
			_ = json.Unmarshal(s.Body, &r)
			r.Device, r.State, r.AsOf = s.Device, words(r.State), c.clock(r.Since)
			if r.Problem {
				v.Problems = append(v.Problems, r)
			} else {
				v.Others = append(v.Others, r)
			}
		}
	}
	v.Store.Verdict = strings.ToUpper(strings.TrimSuffix(words(v.Store.Verdict), " notes"))
	return v
}

// clock writes a moment in the store's time.
func (c *Console) clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(c.Zone).Format("2006-01-02 15:04:05 MST")
}

// app is the page of the whole store.
func (c *Console) app(w http.ResponseWriter, r *http.Request) {
	c.known(func(w http.ResponseWriter, r *http.Request, who live.User) {
		v := c.overview(c.board.Look(r.Context()))
		c.page(w, http.StatusOK, "app", look{Title: "Console", User: who, In: true, App: true, Body: v})
	})(w, r)
}

// devicePage shows one device without scripts.
func (c *Console) devicePage(w http.ResponseWriter, r *http.Request, who live.User) {
	v := c.overview(c.board.Look(r.Context()))
	all := slices.Concat(v.Problems, v.Others)
	i := slices.IndexFunc(all, func(d row) bool { return d.Device == r.PathValue("id") })
	if i < 0 {
		http.Error(w, "There is no such device in this store.", http.StatusNotFound)
		return
	}
	d := all[i]
	for j := range d.Jobs {
		d.Jobs[j].State = words(d.Jobs[j].State)
	}
	c.page(w, http.StatusOK, "device", look{Title: d.Device, User: who, In: true, Body: d})
}

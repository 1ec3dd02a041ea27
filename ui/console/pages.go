package console

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

//go:embed pages.html
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages.html"))

// look is what every page has.
type look struct {
	Title string // of the window
	Store string
	Name  string
	User  User
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
func (c *Console) overview(sheets []sheet) overview {
	v := overview{AsOf: c.clock(time.Now())}
	for _, s := range sheets {
		switch s.channel {
		case chStore:
			_ = json.Unmarshal(s.body, &v.Store) // a field of another form stays empty
		case chDevice:
			var r row
			_ = json.Unmarshal(s.body, &r)
			r.Device, r.State, r.AsOf = s.device, words(r.State), c.clock(r.Since)
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
	c.known(func(w http.ResponseWriter, r *http.Request, who User) {
		v := c.overview(c.board.look(r.Context()))
		c.page(w, http.StatusOK, "app", look{Title: "Console", User: who, In: true, App: true, Body: v})
	})(w, r)
}

// devicePage shows one device without scripts.
func (c *Console) devicePage(w http.ResponseWriter, r *http.Request, who User) {
	v := c.overview(c.board.look(r.Context()))
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

// line is a record as the page without scripts shows it.
type line struct {
	Seq                      uint64
	At, Kind, Device, Detail string
}

// journalPage shows a page of the journal without scripts, the newest first.
func (c *Console) journalPage(w http.ResponseWriter, r *http.Request, who User) {
	before, _ := strconv.ParseUint(r.URL.Query().Get("before"), 10, 64) // 0 = from the newest on
	records, err := c.before(before, 100, "")
	if err != nil {
		c.Log.Error("cannot read the journal for the console", "err", err)
		http.Error(w, "The journal cannot be read. The log of the box says why.", http.StatusInternalServerError)
		return
	}
	v := struct {
		Lines []line
		Older uint64
	}{}
	for _, r := range slices.Backward(records) {
		v.Lines = append(v.Lines, line{Seq: r.Seq, At: c.clock(r.Event.At), Kind: string(r.Event.Kind), Device: r.Event.Device, Detail: detail(r.Event)})
	}
	if len(records) > 0 && records[0].Seq > c.Journal.First() {
		v.Older = records[0].Seq
	}
	c.page(w, http.StatusOK, "journal", look{Title: "Journal", User: who, In: true, Body: v})
}

// detail puts an event into one line.
func detail(e run.Event) string {
	var parts []string
	add := func(format string, text string) {
		if text != "" {
			parts = append(parts, fmt.Sprintf(format, text))
		}
	}
	add("%s", e.Patch)
	add("%s", string(e.Step))
	add("%s", string(e.Outcome))
	if e.To != "" {
		add("%s", words(string(e.From))+" -> "+words(string(e.To)))
	}
	add("%s", string(e.Verdict))
	add("by %s", e.Actor)
	if e.Hold != nil {
		add("until %s", e.Hold.Until.UTC().Format(time.RFC3339))
	}
	if e.Check != nil {
		add("%s", e.Check.Check+" "+string(e.Check.Outcome)+" "+e.Check.Seen)
	}
	add("%s", e.Text)
	if e.Reason != nil {
		add("%s", e.Reason.Text)
	}
	return strings.Join(parts, " · ")
}

// looked is how many records are looked through for those of one device.
const looked = 50000

// before returns up to limit records below a number, 0 for the newest, in order; of one device, or of all when
// device is "".
func (c *Console) before(seq, limit uint64, device string) ([]run.Record, error) {
	first, last := c.Journal.First(), c.Journal.Last()
	if seq == 0 || seq > last+1 {
		seq = last + 1
	}
	var found []run.Record // the newest first
	for stop := max(first, seq-min(looked, seq)); seq > stop && uint64(len(found)) < limit; {
		from := max(stop, seq-min(pageSize, seq))
		page, err := c.Journal.Since(from, int(seq-from))
		if err != nil {
			return nil, err
		}
		for _, r := range slices.Backward(page) {
			if uint64(len(found)) < limit && (device == "" || r.Event.Device == device) {
				found = append(found, r)
			}
		}
		seq = from
	}
	slices.Reverse(found)
	return found, nil
}

package console

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/ui/console/live"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// Terminals are the terminals in which people work on devices, and the recordings of them.
type Terminals interface {
	live.Terminals
	Recordings
	// Text writes a recording as plain text.
	Text(to io.Writer, from io.Reader) error
}

// Recordings are what was recorded of terminals.
type Recordings interface {
	// Recordings lists the recordings, the newest first.
	Recordings(ctx context.Context) (any, error)
	// Recording opens one. Good says that it is as the journal tells; the reader must be told when not.
	Recording(ctx context.Context, id string) (file io.ReadCloser, good bool, err error)
}

// recordings lists the recordings of terminals.
func (c *Console) recordings(w http.ResponseWriter, r *http.Request, who live.User) {
	if !c.mayWatch(w, who) {
		return
	}
	v, err := c.Terminals.Recordings(r.Context())
	if err != nil {
		c.fail(w, err)
		return
	}
	c.json(w, http.StatusOK, map[string]any{"recordings": v})
}

// mayWatch refuses who may not see what a terminal showed. False = the answer was given.
func (c *Console) mayWatch(w http.ResponseWriter, who live.User) bool {
	if who.Role.May(site.TierMild) {
		return true
	}
	c.json(w, http.StatusForbidden, refusalOf(order.Refuse("not_allowed", "the role "+string(who.Role)+" may not watch terminals")))
	return false
}

// recording sends a recording: NAME.cast as it is, NAME.txt as text; with ?play=1 not as a download.
func (c *Console) recording(w http.ResponseWriter, r *http.Request, who live.User) {
	if !c.mayWatch(w, who) {
		return
	}
	name := r.PathValue("name")
	id, cast := strings.CutSuffix(name, ".cast")
	id, text := strings.CutSuffix(id, ".txt")
	if cast == text {
		http.NotFound(w, r)
		return
	}
	file, good, err := c.Terminals.Recording(r.Context(), id)
	if err != nil {
		c.fail(w, err)
		return
	}
	if file == nil {
		http.Error(w, "The file of this recording is missing.", http.StatusGone)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", map[bool]string{true: "application/x-asciicast", false: "text/plain; charset=utf-8"}[cast])
	w.Header().Set("Nightfill-Recording", map[bool]string{true: "whole", false: "changed"}[good])
	if r.URL.Query().Get("play") != "1" {
		w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	}
	longer(w, askLimit)
	if cast {
		_, err = io.Copy(w, file)
	} else {
		err = c.Terminals.Text(w, file)
	}
	if err != nil {
		c.Log.Debug("a recording was not taken whole", "recording", id, "err", err)
	}
}

// playPolicy lets the player run its own engine; which is compiled code, and no script of a page.
const playPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; connect-src 'self' data:; img-src 'self' data:; " +
	"font-src 'self' data:; worker-src 'self' blob:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// play is the page on which a recording is played.
func (c *Console) play(w http.ResponseWriter, r *http.Request, who live.User) {
	if !c.mayWatch(w, who) {
		return
	}
	id := r.PathValue("id")
	file, good, err := c.Terminals.Recording(r.Context(), id)
	if err != nil {
		c.fail(w, err)
		return
	}
	missing := file == nil
	if !missing {
		_ = file.Close()
	}
	w.Header().Set("Content-Security-Policy", playPolicy)
	c.page(w, http.StatusOK, "play", look{Title: "Recording", User: who, In: true, Body: map[string]any{"ID": id, "Good": good, "Missing": missing}})
}

package console

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/ui/console/live"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// download is an answer whose head is written with its first byte.
type download struct {
	http.ResponseWriter
	name  string
	begun bool
}

// Write implements io.Writer.
func (d *download) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.Header().Set("Content-Type", "application/zip")
		d.Header().Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
	}
	return d.ResponseWriter.Write(p)
}

// bundle sends a support bundle as a file. One that breaks off is cut, so that nobody takes it for a whole one.
func (c *Console) bundle(w http.ResponseWriter, r *http.Request, who live.User) {
	if !c.form(w, r) {
		return
	}
	device, reason := r.PostForm.Get("device"), strings.TrimSpace(r.PostForm.Get("reason"))
	switch {
	case !who.Role.May(site.TierMild):
		http.Error(w, "The role "+string(who.Role)+" may not take a support bundle.", http.StatusForbidden)
		return
	case device != "" && !c.board.Has(device):
		http.Error(w, "There is no such device in this store.", http.StatusNotFound)
		return
	case len(reason) > order.MaxText:
		http.Error(w, fmt.Sprintf("The reason has %d bytes and may have %d.", len(reason), order.MaxText), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), askLimit)
	defer cancel()
	longer(w, askLimit)
	name := "nightfill-" + c.Store
	if device != "" {
		name += "-" + device
	}
	out := &download{ResponseWriter: w, name: name + "-" + time.Now().UTC().Format("20060102-150405") + ".zip"}
	err := c.Box.Bundle(ctx, device, reason, who.Name, out)
	if err == nil {
		return
	}
	switch why := order.Why(err); {
	case out.begun:
		c.Log.Warn("a support bundle was not taken whole", "actor", who.Name, "err", err)
		panic(http.ErrAbortHandler)
	case why.Code == order.CodeInternal:
		c.Log.Error("a support bundle was not made", "err", err)
		http.Error(w, "The box cannot make a support bundle. Its log says why.", http.StatusInternalServerError)
	default:
		http.Error(w, upperFirst(why.Say)+".", http.StatusConflict)
	}
}

package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/terminal"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Ack takes an alarm on and returns it as it is now.
func (c *Client) Ack(ctx context.Context, ask wire.AckAsked) (site.Alarm, error) {
	return get[site.Alarm](ctx, c, "POST", "/v1/ack", nil, ask)
}

// Bundle returns the zip of a support bundle, which the caller must close.
func (c *Client) Bundle(ctx context.Context, ask wire.BundleAsked) (io.ReadCloser, error) {
	return c.send(ctx, "POST", "/v1/bundle", nil, ask)
}

// Evidence writes an evidence pack of the nights from the date from to the date to, both included, to w. As of, a
// moment that is over or "" for now, nothing later is told. After an error what was written is worthless.
func (c *Client) Evidence(ctx context.Context, from, to window.Date, asOf string, w io.Writer) (run.EvidenceNote, error) {
	ctx, cancel := context.WithTimeout(ctx, socket.Moving+time.Minute)
	defer cancel()
	var note run.EvidenceNote
	req, err := c.request(ctx, "POST", "/v1/evidence", url.Values{"from": {from.String()}, "to": {to.String()}, "as_of": {asOf}}, nil)
	if err != nil {
		return note, err
	}
	resp, err := c.response(ctx, req, http.StatusOK)
	if err != nil {
		return note, err
	}
	defer resp.Body.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, sum), resp.Body); err != nil {
		return note, c.broken(ctx, err)
	}
	if text := resp.Trailer.Get(wire.ErrorTrailer); text != "" {
		e := &wire.Error{}
		if err := json.Unmarshal([]byte(text), e); err != nil {
			return note, err
		}
		return note, e
	}
	if err := json.Unmarshal([]byte(resp.Trailer.Get(wire.EvidenceTrailer)), &note); err != nil || note.SHA256 != hex.EncodeToString(sum.Sum(nil)) {
		return note, c.broken(ctx, errors.New("the evidence pack did not arrive whole"))
	}
	return note, nil
}

// Retry lets patches of a device be tried once more tonight.
func (c *Client) Retry(ctx context.Context, ask wire.HandAsked) (wire.Handed, error) {
	return get[wire.Handed](ctx, c, "POST", "/v1/retry", nil, ask)
}

// RollBack takes a patch off a device again.
func (c *Client) RollBack(ctx context.Context, ask wire.HandAsked) (wire.Handed, error) {
	return get[wire.Handed](ctx, c, "POST", "/v1/rollback", nil, ask)
}

// TakeOver makes a device work for this box, which works for another one.
func (c *Client) TakeOver(ctx context.Context, ask wire.HandAsked) (wire.Handed, error) {
	return get[wire.Handed](ctx, c, "POST", "/v1/takeover", nil, ask)
}

// Restart begins to restart a device.
func (c *Client) Restart(ctx context.Context, ask wire.HandAsked) (wire.Handed, error) {
	return get[wire.Handed](ctx, c, "POST", "/v1/restart", nil, ask)
}

// Terminals returns the open terminals, the oldest first.
func (c *Client) Terminals(ctx context.Context) ([]terminal.Info, error) {
	v, err := get[wire.OpenTerminals](ctx, c, "GET", "/v1/terminals", nil, nil)
	return v.Terminals, err
}

// EndTerminal ends the terminal that the caller has on a device.
func (c *Client) EndTerminal(ctx context.Context, device string) (terminal.Info, error) {
	return get[terminal.Info](ctx, c, "POST", "/v1/terminals/end", nil, map[string]string{"device": device})
}

// Recordings returns every recording, the newest first, each compared with its digest.
func (c *Client) Recordings(ctx context.Context) ([]terminal.Recording, error) {
	v, err := get[wire.RecordingList](ctx, c, "GET", "/v1/recordings", nil, nil)
	return v.Recordings, err
}

// Recording returns one recording, compared with its digest.
func (c *Client) Recording(ctx context.Context, id string) (terminal.Recording, error) {
	return get[terminal.Recording](ctx, c, "GET", "/v1/recordings/"+url.PathEscape(id), nil, nil)
}

// Cast returns the file of a recording, which the caller must close.
func (c *Client) Cast(ctx context.Context, id string) (io.ReadCloser, error) {
	return c.send(ctx, "GET", "/v1/recordings/"+url.PathEscape(id)+"/cast", nil, nil)
}

// ConfirmClock says that the clock of the box is right, and the journal's later times are not.
func (c *Client) ConfirmClock(ctx context.Context, ask wire.ClockAsked) (wire.ClockConfirmed, error) {
	return get[wire.ClockConfirmed](ctx, c, "POST", "/v1/clock/confirm", nil, ask)
}

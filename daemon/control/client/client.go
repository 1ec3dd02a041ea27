// Package client asks the daemon over its control socket, and tells a daemon that is not there from one that refuses. It
// decides nothing and keeps nothing but its connections.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/daemon/view/cache"
	"github.com/nightfill/nightfill/daemon/view/played"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/site/window/tzdata"
)

// Unreachable is the error of a client that found no daemon at the socket.
type Unreachable struct {
	Path    string
	Program string // "" = nightfilld
	Err     error
}

// Error says which socket did not answer, why, and what to do.
func (u *Unreachable) Error() string { return u.Message() + ": " + u.WhatToDo() }

// Message says which socket did not answer, and why.
func (u *Unreachable) Message() string {
	why := u.Err.Error()
	switch {
	case errors.Is(u.Err, fs.ErrNotExist):
		why = "there is no such socket"
	case errors.Is(u.Err, syscall.ECONNREFUSED):
		why = "nobody answers on it"
	case errors.Is(u.Err, fs.ErrPermission):
		why = "you may not open the socket"
	case errors.Is(u.Err, syscall.EINVAL): // connect(2), as net passes on a path that does not fit
		why = "the path is longer than that of a socket may be"
	}
	return fmt.Sprintf("cannot reach %s at %s: %s", u.program(), u.Path, why)
}

// WhatToDo says how to go on.
func (u *Unreachable) WhatToDo() string {
	switch {
	case errors.Is(u.Err, fs.ErrPermission):
		return "run this as root or as the user of the daemon"
	case errors.Is(u.Err, syscall.EINVAL):
		return "choose a shorter state directory"
	}
	return "see if it runs with: systemctl status " + u.program()
}

func (u *Unreachable) program() string {
	if u.Program == "" {
		return "nightfilld"
	}
	return u.Program
}

// Unwrap returns the error of the connection.
func (u *Unreachable) Unwrap() error { return u.Err }

// Client asks a daemon. Its calls return *Error for what the daemon refused, and *Unreachable
// when no daemon answers. It is for one goroutine.
type Client struct {
	path    string
	program string // that is asked; "" = nightfilld
	http    *http.Client
	zone    *time.Location
}

// Dial makes a client of the socket at path. It connects with the first call.
func Dial(path string) *Client {
	dialer := &net.Dialer{Timeout: socket.KnockLimit}
	return &Client{path: path, zone: time.UTC, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer.DialContext(ctx, "unix", path) },
	}}}
}

// DialHeadquarters makes a client of the socket of nightfill-hq at path. It connects with the first call.
func DialHeadquarters(path string) *Client {
	c := Dial(path)
	c.program = "nightfill-hq"
	return c
}

// Close gives back the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Zone is the store's time zone as the last answer named it; UTC before the first.
func (c *Client) Zone() *time.Location { return c.zone }

// Status returns the whole store.
func (c *Client) Status(ctx context.Context) (view.Status, error) {
	return get[view.Status](ctx, c, "GET", "/v1/status", nil, nil)
}

// Devices returns every device, in the order of the store file.
func (c *Client) Devices(ctx context.Context) ([]view.Device, error) {
	v, err := get[wire.Devices](ctx, c, "GET", "/v1/devices", nil, nil)
	return v.Devices, err
}

// Device returns one device.
func (c *Client) Device(ctx context.Context, id string) (view.Device, error) {
	return get[view.Device](ctx, c, "GET", "/v1/devices/"+url.PathEscape(id), nil, nil)
}

// Plan forecasts the window that is open at the moment at, written as Moment reads it, or the next
// one after it; "" = now.
func (c *Client) Plan(ctx context.Context, at string) (wire.Forecast, error) {
	return get[wire.Forecast](ctx, c, "GET", "/v1/plan", url.Values{"at": {at}}, nil)
}

// Why answers for one patch on a device, or for every one when patch is "".
func (c *Client) Why(ctx context.Context, device, patch string) ([]view.Answer, error) {
	v, err := get[wire.Answers](ctx, c, "GET", "/v1/why", url.Values{"device": {device}, "patch": {patch}}, nil)
	return v.Answers, err
}

// Night returns a night with its details; the zero date is the newest.
func (c *Client) Night(ctx context.Context, date window.Date) (view.Night, error) {
	return get[view.Night](ctx, c, "GET", "/v1/night", url.Values{"date": {date.String()}}, nil)
}

// Replay returns a night as the rules of the daemon see it now; the zero date is the newest.
func (c *Client) Replay(ctx context.Context, date window.Date) (played.Replay, error) {
	return get[played.Replay](ctx, c, "GET", "/v1/replay", url.Values{"night": {date.String()}}, nil)
}

// Rehearse plays a night once. Nothing in the store is changed by it.
func (c *Client) Rehearse(ctx context.Context, ask wire.RehearsalAsked) (played.Rehearsal, error) {
	return get[played.Rehearsal](ctx, c, "POST", "/v1/rehearse", nil, ask)
}

// Verify has the daemon check its journal.
func (c *Client) Verify(ctx context.Context) (journal.Summary, error) {
	return get[journal.Summary](ctx, c, "GET", "/v1/journal/verify", nil, nil)
}

// Check carries out every readiness check now.
func (c *Client) Check(ctx context.Context) (wire.Checked, error) {
	return get[wire.Checked](ctx, c, "POST", "/v1/check", nil, nil)
}

// Hold asks for a hold and returns it as it was written down.
func (c *Client) Hold(ctx context.Context, ask wire.HoldAsked) (site.Hold, error) {
	return get[site.Hold](ctx, c, "POST", "/v1/hold", nil, ask)
}

// Release lets go a device, site.AllDevices, or a quarantined patch. The reason may be "".
func (c *Client) Release(ctx context.Context, name, reason string) (wire.Released, error) {
	return get[wire.Released](ctx, c, "POST", "/v1/release", nil, map[string]string{"name": name, "reason": reason})
}

// Refresh fetches the catalog now.
func (c *Client) Refresh(ctx context.Context) (wire.CatalogTaken, error) {
	return get[wire.CatalogTaken](ctx, c, "POST", "/v1/catalog/refresh", nil, nil)
}

// Import takes a catalog from a directory, named by an absolute path on the box.
func (c *Client) Import(ctx context.Context, dir string) (wire.CatalogTaken, error) {
	return get[wire.CatalogTaken](ctx, c, "POST", "/v1/catalog/import", nil, map[string]string{"dir": dir})
}

// HostKey asks a device for the key that it offers.
func (c *Client) HostKey(ctx context.Context, device string) (wire.HostKey, error) {
	return get[wire.HostKey](ctx, c, "GET", "/v1/devices/"+url.PathEscape(device)+"/host-key", nil, nil)
}

// Enrol pins a host key for a device. The reason may be "".
func (c *Client) Enrol(ctx context.Context, device, key, reason string) (wire.Enrolled, error) {
	return get[wire.Enrolled](ctx, c, "POST", "/v1/enrol", nil, map[string]string{"device": device, "key": key, "reason": reason})
}

// Diagnose looks at one device, or with a check carries out that one alone.
func (c *Client) Diagnose(ctx context.Context, device, check string) (view.Diagnosis, error) {
	query := url.Values{}
	if check != "" {
		query.Set("check", check)
	}
	return get[view.Diagnosis](ctx, c, "GET", "/v1/devices/"+url.PathEscape(device)+"/diagnosis", query, nil)
}

// Cache returns what the store has of its catalog and of the artifacts that it needs.
func (c *Client) Cache(ctx context.Context) (cache.Cache, error) {
	return get[cache.Cache](ctx, c, "GET", "/v1/cache", nil, nil)
}

// Excerpt says which records of the journal are wanted.
type Excerpt struct {
	Since  *uint64 // the first record; 0 = the first one kept, nil = the newest Limit records
	Limit  int     // at most, when not followed; 0 = the daemon's own
	Follow bool    // go on with new ones until ctx ends
}

// Records calls visit for each record. It ends with the first error of visit, with the last record,
// or, when it follows, with ctx.
func (c *Client) Records(ctx context.Context, e Excerpt, visit func(run.Record) error) error {
	q := url.Values{"follow": {strconv.FormatBool(e.Follow)}}
	if e.Since != nil {
		q.Set("since", strconv.FormatUint(*e.Since, 10))
	}
	if e.Limit > 0 {
		q.Set("limit", strconv.Itoa(e.Limit))
	}
	body, err := c.send(ctx, "GET", "/v1/journal", q, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	d := json.NewDecoder(body)
	for {
		var r run.Record
		switch err := d.Decode(&r); {
		case errors.Is(err, io.EOF) && e.Follow && ctx.Err() == nil:
			return &Unreachable{c.path, c.program, errors.New("the daemon ended the connection")}
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return c.broken(ctx, err)
		}
		if err := visit(r); err != nil {
			return err
		}
	}
}

// get sends a request and reads the answer.
func get[T any](ctx context.Context, c *Client, method, path string, q url.Values, body any) (T, error) {
	var v T
	// The daemon limits each call by itself; this is for one that hangs.
	ctx, cancel := context.WithTimeout(ctx, socket.Moving+time.Minute)
	defer cancel()
	answer, err := c.send(ctx, method, path, q, body)
	if err != nil {
		return v, err
	}
	defer answer.Close()
	if err := json.NewDecoder(answer).Decode(&v); err != nil {
		return v, c.broken(ctx, err)
	}
	return v, nil
}

// send asks and returns the body of a good answer.
func (c *Client) send(ctx context.Context, method, path string, q url.Values, body any) (io.ReadCloser, error) {
	req, err := c.request(ctx, method, path, q, body)
	if err != nil {
		return nil, err
	}
	return c.answer(ctx, req, http.StatusOK)
}

func (c *Client) request(ctx context.Context, method, path string, q url.Values, body any) (*http.Request, error) {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(data)
	}
	return http.NewRequestWithContext(ctx, method, "http://nightfilld"+path+"?"+q.Encode(), content)
}

// answer sends a request and returns the body of the answer, if its status is the one for a good one.
func (c *Client) answer(ctx context.Context, req *http.Request, good int) (io.ReadCloser, error) {
	resp, err := c.response(ctx, req, good)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// response is answer with all of it, as far as it was read.
func (c *Client) response(ctx context.Context, req *http.Request, good int) (*http.Response, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	if name := resp.Header.Get(wire.ZoneHeader); name != "" && name != c.zone.String() {
		if zone, err := tzdata.Load(name); err == nil {
			c.zone = zone
		}
	}
	if resp.StatusCode == good {
		return resp, nil
	}
	defer resp.Body.Close()
	e := wire.Envelope{}
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil || e.Error == nil {
		return nil, fmt.Errorf("what answers at %s is not nightfilld: status %s", c.path, resp.Status)
	}
	e.Error.Status = resp.StatusCode
	return nil, e.Error
}

// broken is the error of a connection: the caller's own end of it, or a daemon that is not there.
func (c *Client) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &Unreachable{c.path, c.program, err}
}

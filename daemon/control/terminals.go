package control

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/daemon/terminal"
)

// Terminals keep the terminals in which people work on devices, and what was recorded of them.
type Terminals interface {
	Open(ctx context.Context, ask hands.Ask, size terminal.Size) (*terminal.Session, error)
	// On finds the open terminal of a person on a device.
	On(device, actor string) (*terminal.Session, error)
	Sessions() []terminal.Info
	Library
}

// Library keeps what was recorded of terminals.
type Library interface {
	Recordings(ctx context.Context) ([]terminal.Recording, error)
	// Recording opens a recording; the file is nil when it is missing.
	Recording(ctx context.Context, id string) (terminal.Recording, io.ReadCloser, error)
}

// OpenTerminals is the answer about open terminals.
type OpenTerminals struct {
	Terminals []terminal.Info `json:"terminals"`
}

// RecordingList is the answer about recordings, the newest first.
type RecordingList struct {
	Recordings []terminal.Recording `json:"recordings"`
}

func (s *Server) terminals(*request) (any, error) {
	return OpenTerminals{s.Terminals.Sessions()}, nil
}

// endTerminal ends the terminal of a person on a device, and answers what it was.
func (s *Server) endTerminal(r *request) (any, error) {
	var ask struct {
		Device string `json:"device"`
	}
	if err := r.read(&ask); err != nil {
		return nil, err
	}
	session, err := s.Terminals.On(ask.Device, r.actor)
	if err != nil {
		return nil, noTerminal(err, ask.Device)
	}
	info := session.Info()
	session.End()
	a, err := session.Attach(terminal.Attach{Since: info.Shown})
	if err != nil { // it ends all the same
		return info, nil
	}
	defer a.Detach()
	for {
		if item, err := a.Next(r.ctx); err != nil || item.Kind == terminal.Ended {
			return info, err
		}
	}
}

func (s *Server) recordings(r *request) (any, error) {
	list, err := s.Terminals.Recordings(r.ctx)
	if list == nil {
		list = []terminal.Recording{}
	}
	return RecordingList{list}, err
}

func (s *Server) recording(r *request) (any, error) {
	recording, file, err := s.Terminals.Recording(r.ctx, r.id)
	if file != nil {
		_ = file.Close()
	}
	return recording, noRecording(err)
}

// cast answers with the file of a recording.
func (s *Server) cast(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), looking)
	defer cancel()
	s.deadline(w, looking)
	recording, file, err := s.Terminals.Recording(ctx, r.PathValue("id"))
	if err == nil && file == nil {
		err = &Error{Status: http.StatusNotFound, Code: CodeNoRecording, Message: "the file of the recording " + recording.ID + " is gone"}
	}
	if err != nil {
		s.refuse(w, noRecording(err))
		return
	}
	defer file.Close()
	s.head(w, "application/x-asciicast")
	w.WriteHeader(http.StatusOK)
	if _, err := io.Copy(w, file); err != nil {
		s.Log.Debug("a recording was not taken", "recording", recording.ID, "err", err)
	}
}

// noRecording gives the error of a recording that does not exist its code.
func noRecording(err error) error {
	if errors.Is(err, terminal.ErrNoRecording) {
		return &Error{Status: http.StatusNotFound, Code: CodeNoRecording, Message: "there is no such recording", WhatToDo: "see: nightfill recordings"}
	}
	return err
}

// noTerminal gives the error of a terminal that does not exist its code.
func noTerminal(err error, device string) error {
	if errors.Is(err, terminal.ErrNotOpen) {
		return &Error{Status: http.StatusNotFound, Code: CodeNoTerminal, Message: "you have no terminal on " + device, WhatToDo: "open one with: nightfill shell " + device + " --reason R"}
	}
	return err
}

// Terminals returns the open terminals, the oldest first.
func (c *Client) Terminals(ctx context.Context) ([]terminal.Info, error) {
	v, err := get[OpenTerminals](ctx, c, "GET", "/v1/terminals", nil, nil)
	return v.Terminals, err
}

// EndTerminal ends the terminal that the caller has on a device.
func (c *Client) EndTerminal(ctx context.Context, device string) (terminal.Info, error) {
	return get[terminal.Info](ctx, c, "POST", "/v1/terminals/end", nil, map[string]string{"device": device})
}

// Recordings returns every recording, the newest first, each compared with its digest.
func (c *Client) Recordings(ctx context.Context) ([]terminal.Recording, error) {
	v, err := get[RecordingList](ctx, c, "GET", "/v1/recordings", nil, nil)
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

package control

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
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

func (s *Server) terminals(*socket.Request) (any, error) {
	return wire.OpenTerminals{Terminals: s.Terminals.Sessions()}, nil
}

// endTerminal ends the terminal of a person on a device, and answers what it was.
func (s *Server) endTerminal(r *socket.Request) (any, error) {
	var ask struct {
		Device string `json:"device"`
	}
	if err := r.Read(&ask); err != nil {
		return nil, err
	}
	session, err := s.Terminals.On(ask.Device, r.Actor)
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
		if item, err := a.Next(r.Ctx); err != nil || item.Kind == terminal.Ended {
			return info, err
		}
	}
}

func (s *Server) recordings(r *socket.Request) (any, error) {
	list, err := s.Terminals.Recordings(r.Ctx)
	if list == nil {
		list = []terminal.Recording{}
	}
	return wire.RecordingList{Recordings: list}, err
}

func (s *Server) recording(r *socket.Request) (any, error) {
	recording, file, err := s.Terminals.Recording(r.Ctx, r.ID)
	if file != nil {
		_ = file.Close()
	}
	return recording, noRecording(err)
}

// cast answers with the file of a recording.
func (s *Server) cast(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), socket.Looking)
	defer cancel()
	s.socket.Deadline(w, socket.Looking)
	recording, file, err := s.Terminals.Recording(ctx, r.PathValue("id"))
	if err == nil && file == nil {
		err = &wire.Error{Status: http.StatusNotFound, Code: wire.CodeNoRecording, Message: "the file of the recording " + recording.ID + " is gone"}
	}
	if err != nil {
		s.socket.Refuse(w, noRecording(err))
		return
	}
	defer file.Close()
	s.socket.Head(w, "application/x-asciicast")
	w.WriteHeader(http.StatusOK)
	if _, err := io.Copy(w, file); err != nil {
		s.Log.Debug("a recording was not taken", "recording", recording.ID, "err", err)
	}
}

// noRecording gives the error of a recording that does not exist its code.
func noRecording(err error) error {
	if errors.Is(err, terminal.ErrNoRecording) {
		return &wire.Error{Status: http.StatusNotFound, Code: wire.CodeNoRecording, Message: "there is no such recording", WhatToDo: "see: nightfill recordings"}
	}
	return err
}

// noTerminal gives the error of a terminal that does not exist its code.
func noTerminal(err error, device string) error {
	if errors.Is(err, terminal.ErrNotOpen) {
		return &wire.Error{Status: http.StatusNotFound, Code: wire.CodeNoTerminal, Message: "you have no terminal on " + device, WhatToDo: "open one with: nightfill shell " + device + " --reason R"}
	}
	return err
}

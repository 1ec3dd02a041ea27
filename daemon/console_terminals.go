package daemon

import (
	"context"
	"errors"
	"io"

	"github.com/nightfill/nightfill/daemon/terminal"
	"github.com/nightfill/nightfill/daemon/terminal/cast"
	"github.com/nightfill/nightfill/ui/console/live"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// terminals are those of the box as the console needs them.
type terminals struct{ desk *terminal.Desk }

// codeNotOpen says that there is no terminal to look at.
const codeNotOpen = "not_open"

// Attach implements console.Terminals.
func (t terminals) Attach(device, actor string, since int64) (live.Attachment, error) {
	s, err := t.desk.On(device, actor)
	if errors.Is(err, terminal.ErrNotOpen) {
		return nil, &order.Refusal{Code: codeNotOpen, Say: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	a, err := s.Attach(terminal.Attach{Since: since, Acks: true})
	if err != nil {
		return nil, &order.Refusal{Code: order.CodeTooMany, Say: err.Error()}
	}
	return watched{s, a}, nil
}

// Recordings implements console.Terminals.
func (t terminals) Recordings(ctx context.Context) (any, error) { return t.desk.Recordings(ctx) }

// Recording implements console.Terminals.
func (t terminals) Recording(ctx context.Context, id string) (io.ReadCloser, bool, error) {
	r, file, err := t.desk.Recording(ctx, id)
	if errors.Is(err, terminal.ErrNoRecording) {
		return nil, false, &order.Refusal{Code: order.CodeBadRequest, Say: "there is no such recording"}
	}
	return file, r.State == terminal.Whole, err
}

// Text implements console.Terminals.
func (t terminals) Text(to io.Writer, from io.Reader) error { return cast.WriteText(to, from) }

// watched is an open terminal that a person looks at.
type watched struct {
	*terminal.Session
	*terminal.Attachment
}

// Next implements live.Attachment.
func (w watched) Next(ctx context.Context) (live.Shown, error) {
	item, err := w.Attachment.Next(ctx)
	s := live.Shown{Kind: string(item.Kind), From: item.From, To: item.To, Data: item.Data}
	switch item.Kind {
	case terminal.Idle:
		s.Doc = map[string]any{"ends": item.Ends}
	case terminal.Ended:
		s.Doc = item.End
	}
	return s, err
}

// Resize implements live.Attachment.
func (w watched) Resize(ctx context.Context, cols, rows int) error {
	return w.Session.Resize(ctx, terminal.Size{Cols: cols, Rows: rows})
}

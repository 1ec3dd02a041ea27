package fleet

import (
	"context"
	"errors"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/nightfill/nightfill/site/board/feed"
)

// late is a message that a client hands over when its connection is gone.
type late struct{ mqtt.Message }

func (late) Topic() string   { return root + "0142/ready" }
func (late) Payload() []byte { return []byte(`{"verdict":"ready"}`) }
func (late) Retained() bool  { return false }

// What comes when headquarters has stopped is left out, or refused, and ends nothing.
func TestAfterTheEnd(t *testing.T) {
	l := newLab(t)
	db := openDB(t, dbPath(t))
	f, err := Open(t.Context(), Options{DB: db, Org: "acme", Broker: at(l.url)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := f.Run(ctx); err != nil {
		t.Fatal(err)
	}
	gone := &link{ended: make(chan struct{})}
	close(gone.ended)
	for range 100 {
		f.queue(gone, late{})
	}
	changed := false
	err = f.commit(func() (feed.Taken, error) { changed = true; return feed.Taken{}, nil })
	if !errors.Is(err, errOver) || changed {
		t.Errorf("changed %t, %v", changed, err)
	}
}

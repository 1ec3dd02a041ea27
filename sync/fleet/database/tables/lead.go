package tables

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// leaderPing is how often a leader makes sure that it still is one.
const leaderPing = 2 * time.Second

// Lead makes this process the one that leads, if no other is. term ends with ctx or when the
// process cannot be sure any more to lead; nil: another one leads. end gives the lead back, and
// must be called. In SQLite there is only one process.
func (db *DB) Lead(ctx context.Context) (term context.Context, end func(), err error) {
	if !db.postgres {
		term, end := context.WithCancel(ctx)
		return term, end, nil
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	var mine bool
	err = conn.QueryRowContext(ctx, fmt.Sprintf("select pg_try_advisory_lock(%d)", int64(leaderLock))).Scan(&mine)
	if err != nil || !mine {
		return nil, nil, errors.Join(err, conn.Close())
	}
	term, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer stop()
		db.holdLead(term, conn)
	}()
	return term, func() { stop(); <-done }, nil
}

// holdLead keeps the connection that holds the lock until ctx ends or it breaks.
func (db *DB) holdLead(ctx context.Context, conn *sql.Conn) {
	tick := time.NewTicker(leaderPing)
	defer tick.Stop()
	var err error
	for err == nil {
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-tick.C:
			short, cancel := context.WithTimeout(ctx, leaderPing)
			_, err = conn.ExecContext(short, "select 1")
			cancel()
		}
	}
	// The lock goes with its session: the connection must not return to the pool with it.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaderPing)
	defer cancel()
	if _, err := conn.ExecContext(last, fmt.Sprintf("select pg_advisory_unlock(%d)", int64(leaderLock))); err != nil {
		_ = conn.Raw(func(any) error { return errBroken })
	}
	conn.Close()
}

// errBroken makes the pool throw a connection away.
var errBroken = fmt.Errorf("the lock may still be held: %w", driver.ErrBadConn)

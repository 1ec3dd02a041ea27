package tables

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// Refused reports whether the database refuses what was to be stored for what it is, so that
// trying again is of no use. Every other error is of the moment.
func Refused(err error) bool {
	var file *sqlite.Error
	if errors.As(err, &file) {
		switch file.Code() & 0xff {
		case 18, 19, 20, 25: // too big, constraint, mismatch, range
			return true
		}
		return false
	}
	var server *pgconn.PgError
	if !errors.As(err, &server) || len(server.Code) != 5 {
		return false
	}
	switch server.Code[:2] {
	case "22", "23", "54": // data, constraint, limit
		return true
	}
	return false
}

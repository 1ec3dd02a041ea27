package storecmd

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/nightfill/nightfill/daemon/config"
)

// Where a daemon is when nobody says anything else.
const (
	defaultConfig = "/etc/nightfill/store.yaml"
	defaultState  = "/var/lib/nightfill"
	socketName    = "control.sock"
	journalName   = "journal.db"
)

// The environment variables that say where the daemon is.
const (
	envSocket = "NIGHTFILL_SOCKET"
	envState  = "NIGHTFILL_STATE"
	envConfig = "NIGHTFILL_CONFIG"
)

// flags say where the daemon is; each may be empty.
type flags struct {
	socket, state, config string
}

// place is where the daemon is. The state directory is not known when only a socket was named.
type place struct {
	socket, state string
}

// find follows the first that is given of: --socket, --state, --config, the environment in the
// same order, the store file at its usual place, the usual state directory.
func (f flags) find(getenv func(string) string) (place, error) {
	env := flags{getenv(envSocket), getenv(envState), getenv(envConfig)}
	for _, given := range []flags{f, env} {
		switch {
		case given.socket != "":
			return place{socket: given.socket}, nil
		case given.state != "":
			return inState(given.state), nil
		case given.config != "":
			return fromConfig(given.config)
		}
	}
	if _, err := os.Stat(defaultConfig); err == nil {
		return fromConfig(defaultConfig)
	}
	return inState(defaultState), nil
}

func inState(dir string) place { return place{socket: filepath.Join(dir, socketName), state: dir} }

func fromConfig(path string) (place, error) {
	c, err := config.Load(path)
	if err != nil {
		return place{}, fmt.Errorf("cannot read from the store file where the daemon is: %w: name it with --state DIR or --socket PATH", err)
	}
	return inState(c.State), nil
}

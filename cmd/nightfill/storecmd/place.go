package storecmd

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/control"
)

// The names of files in the state directory.
const (
	socketName  = "control.sock"
	journalName = "journal.db"
)

// keeper is a daemon that keeps accounts, as its commands speak of it.
type keeper struct {
	program string // with which a person looks after it
	where   string // people log in: "the console"
	roles   string // as a flag takes them
	about   string // what the roles may do
	act     string // a role for examples
	file    string // its configuration
	config  string // where that is when nobody says anything else
	state   string // and the state directory
	env     string // what the names of its environment variables begin with
	find    func(path string) (state string, err error)
	dial    func(socket string) *control.Client
}

// box is the daemon of a store.
func box() keeper {
	return keeper{
		program: "nightfill", where: "the console", roles: "viewer|tech|admin", act: "tech",
		about: `The roles: viewer looks; tech acts on devices, but for severe actions; admin does everything and looks after
the accounts.`,
		file: "store file", config: "/etc/nightfill/store.yaml", state: "/var/lib/nightfill", env: "NIGHTFILL", dial: control.Dial,
		find: func(path string) (string, error) {
			c, err := config.Load(path)
			return c.State, err
		},
	}
}

// headquarters is nightfill-hq.
func headquarters() keeper {
	return keeper{
		program: "nightfill-hq", where: "headquarters", roles: "viewer|manager|admin", act: "manager",
		about: `The roles: viewer looks; manager takes on what needs someone and keeps the register of exceptions; admin does everything and looks after the accounts.`,
		file:  "headquarters file", config: "/etc/nightfill/hq.yaml", state: "/var/lib/nightfill-hq", env: "NIGHTFILL_HQ", dial: control.DialHeadquarters,
		find: func(path string) (string, error) {
			c, err := config.LoadHeadquarters(path)
			return c.State, err
		},
	}
}

// flags say where the daemon is; each may be empty.
type flags struct {
	socket, state, config string
}

// place is where the daemon is. The state directory is not known when only a socket was named.
type place struct {
	socket, state string
}

// find follows the first that is given of: --socket, --state, --config, the environment in the
// same order, the configuration at its usual place, the usual state directory.
func (f flags) find(k keeper, getenv func(string) string) (place, error) {
	env := flags{getenv(k.env + "_SOCKET"), getenv(k.env + "_STATE"), getenv(k.env + "_CONFIG")}
	for _, given := range []flags{f, env} {
		switch {
		case given.socket != "":
			return place{socket: given.socket}, nil
		case given.state != "":
			return inState(given.state), nil
		case given.config != "":
			return k.fromConfig(given.config)
		}
	}
	if _, err := os.Stat(k.config); err == nil {
		return k.fromConfig(k.config)
	}
	return inState(k.state), nil
}

func inState(dir string) place { return place{socket: filepath.Join(dir, socketName), state: dir} }

func (k keeper) fromConfig(path string) (place, error) {
	state, err := k.find(path)
	if err != nil {
		return place{}, fmt.Errorf("cannot read from the "+k.file+" where the daemon is: %w: name it with --state DIR or --socket PATH", err)
	}
	return inState(state), nil
}

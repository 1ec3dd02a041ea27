package session

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/config/hqfile"
	"github.com/nightfill/nightfill/daemon/control/client"
)

// The names of files in the state directory.
const (
	socketName  = "control.sock"
	JournalName = "journal.db" // the journal of a box
)

// Keeper is a daemon that keeps accounts, as its commands speak of it.
type Keeper struct {
	Program string // with which a person looks after it
	Where   string // people log in: "the console"
	Roles   string // as a flag takes them
	About   string // what the roles may do
	Act     string // a role for examples
	File    string // its configuration
	Config  string // where that is when nobody says anything else
	State   string // and the state directory
	Env     string // what the names of its environment variables begin with
	find    func(path string) (Place, error)
	dial    func(socket string) *client.Client
}

// Box is the daemon of a store.
func Box() Keeper {
	return Keeper{
		Program: "nightfill", Where: "the console", Roles: "viewer|tech|admin", Act: "tech",
		About: `The roles: viewer looks; tech acts on devices, but for severe actions; admin does everything and looks after
the accounts.`,
		File: "store file", Config: "/etc/nightfill/store.yaml", State: "/var/lib/nightfill", Env: "NIGHTFILL", dial: client.Dial,
		find: func(path string) (Place, error) {
			c, err := config.Load(path)
			return Place{State: c.State, Store: c.Store.FullID()}, err
		},
	}
}

// Headquarters is nightfill-hq.
func Headquarters() Keeper {
	return Keeper{
		Program: "nightfill-hq", Where: "headquarters", Roles: "viewer|manager|admin", Act: "manager",
		About: `The roles: viewer looks; manager takes on what needs someone and keeps the register of exceptions; admin does everything and looks after the accounts.`,
		File:  "headquarters file", Config: "/etc/nightfill/hq.yaml", State: "/var/lib/nightfill-hq", Env: "NIGHTFILL_HQ", dial: client.DialHeadquarters,
		find: func(path string) (Place, error) {
			c, err := hqfile.Load(path)
			return Place{State: c.State}, err
		},
	}
}

// flags say where the daemon is; each may be empty.
type flags struct {
	socket, state, config string
}

// Place is where the daemon is. The state directory is not known when only a socket was named, and the store, like
// acme/0142, only where the store file told of the place.
type Place struct {
	Socket, State, Store string
}

// find follows the first that is given of: --socket, --state, --config, the environment in the
// same order, the configuration at its usual place, the usual state directory.
func (f flags) find(k Keeper, getenv func(string) string) (Place, error) {
	env := flags{getenv(k.Env + "_SOCKET"), getenv(k.Env + "_STATE"), getenv(k.Env + "_CONFIG")}
	for _, given := range []flags{f, env} {
		switch {
		case given.socket != "":
			return Place{Socket: given.socket}, nil
		case given.state != "":
			return inState(given.state), nil
		case given.config != "":
			return k.fromConfig(given.config)
		}
	}
	if _, err := os.Stat(k.Config); err == nil {
		return k.fromConfig(k.Config)
	}
	return inState(k.State), nil
}

func inState(dir string) Place { return Place{Socket: filepath.Join(dir, socketName), State: dir} }

func (k Keeper) fromConfig(path string) (Place, error) {
	place, err := k.find(path)
	if err != nil {
		return Place{}, fmt.Errorf("cannot read from the "+k.File+" where the daemon is: %w: name it with --state DIR or --socket PATH", err)
	}
	place.Socket = inState(place.State).Socket
	return place, nil
}

// Examples writes commands of the program, a line each.
func (k Keeper) Examples(commands ...string) string {
	for i, c := range commands {
		commands[i] = "  " + k.Program + " " + c
	}
	return strings.Join(commands, "\n")
}

// InWords lists the roles for a sentence.
func (k Keeper) InWords() string {
	roles := strings.Split(k.Roles, "|")
	return strings.Join(roles[:len(roles)-1], ", ") + " or " + roles[len(roles)-1]
}

// Package storecmd is the part of `nightfill` that talks to the daemon of a store. Each command
// asks the control socket once or twice and prints the answer, for people or as JSON. It decides
// nothing and keeps nothing.
//
// For people, problems come first, then numbers, then what to do next. A pipe gets the same
// text without colour; nothing is ever cut off.
package storecmd

import (
	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/accountcmd"
	"github.com/nightfill/nightfill/cmd/nightfill/actcmd"
	"github.com/nightfill/nightfill/cmd/nightfill/nightcmd"
	"github.com/nightfill/nightfill/cmd/nightfill/provecmd"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/cmd/nightfill/statuscmd"
	"github.com/nightfill/nightfill/cmd/nightfill/terminalcmd"
)

// The groups of commands, as the help of the program shows them.
const (
	GroupLook  = "look"
	GroupAct   = "act"
	GroupProve = "prove"
	GroupSetUp = "setup"
)

// Groups returns the groups of commands in their order. The root command needs them.
func Groups() []*cobra.Group {
	return []*cobra.Group{
		{ID: GroupLook, Title: "See how the store is:"},
		{ID: GroupAct, Title: "Act in the store:"},
		{ID: GroupProve, Title: "Look back and prove:"},
		{ID: GroupSetUp, Title: "Set up and headquarters:"},
	}
}

// Commands returns the commands of a store. Their errors carry exit codes; Report prints them.
func Commands() []*cobra.Command {
	group := func(id string, commands ...*cobra.Command) []*cobra.Command {
		for _, c := range commands {
			c.GroupID = id
		}
		return commands
	}
	all := group(GroupLook, statuscmd.Status(), statuscmd.Devices(), nightcmd.Plan(), nightcmd.Rehearse(), nightcmd.Why(), nightcmd.Night(), statuscmd.Cache(), statuscmd.Diagnose())
	all = append(all, group(GroupAct, statuscmd.Check(), actcmd.Hold(), actcmd.Release(), actcmd.Ack(), actcmd.Retry(), actcmd.Rollback(), actcmd.Restart(), actcmd.Clock(), terminalcmd.Shell(), actcmd.Enrol(), actcmd.Takeover())...)
	all = append(all, group(GroupProve, provecmd.Journal(), provecmd.Evidence(), terminalcmd.Recordings(), provecmd.Replay(), provecmd.Bundle())...)
	return append(all, group(GroupSetUp, accountcmd.Users(session.Box()), versionCommand())...)
}

package storecmd

import (
	"errors"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/client"
)

// Built is the key of the root command's annotation that says when the program was built.
const Built = "built"

// release is what `version` prints.
type release struct {
	Version string `json:"version"`
	Built   string `json:"built,omitempty"`
	Go      string `json:"go"`
	System  string `json:"system"`
	Daemon  string `json:"daemon,omitempty"` // of the daemon that answers, if one does
}

func versionCommand() *cobra.Command {
	return session.Action(&cobra.Command{
		Use:     "version",
		Short:   "Print the versions of this program and of the daemon",
		Long:    "Print the version of this program, and that of the daemon when one answers.",
		Example: "  nightfill version --json",
	}, cobra.NoArgs, func(s *session.Session, _ []string) error {
		root := s.Cmd.Root()
		v := release{Version: root.Version, Built: root.Annotations[Built], Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
		status, err := s.Client.Status(s.Ctx())
		var gone *client.Unreachable
		if err != nil && !errors.As(err, &gone) {
			return err
		}
		v.Daemon = status.Version
		return s.Show(v, func(p *printout.Printer) {
			built := ""
			if v.Built != "" {
				built = ", built " + v.Built
			}
			p.Line("nightfill %s%s, %s, %s", v.Version, built, v.Go, v.System)
			p.Line("nightfilld %s", printout.Or(v.Daemon, "does not answer at "+s.Place.Socket))
		})
	})
}

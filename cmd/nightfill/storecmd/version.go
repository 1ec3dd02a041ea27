package storecmd

import (
	"errors"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/daemon/control"
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
	return action(&cobra.Command{
		Use:     "version",
		Short:   "Print the versions of this program and of the daemon",
		Long:    "Print the version of this program, and that of the daemon when one answers.",
		Example: "  nightfill version --json",
	}, cobra.NoArgs, func(s *session, _ []string) error {
		root := s.cmd.Root()
		v := release{Version: root.Version, Built: root.Annotations[Built], Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
		status, err := s.client.Status(s.ctx())
		var gone *control.Unreachable
		if err != nil && !errors.As(err, &gone) {
			return err
		}
		v.Daemon = status.Version
		return s.show(v, func(p *printer) {
			built := ""
			if v.Built != "" {
				built = ", built " + v.Built
			}
			p.line("nightfill %s%s, %s, %s", v.Version, built, v.Go, v.System)
			p.line("nightfilld %s", or(v.Daemon, "does not answer at "+s.place.socket))
		})
	})
}

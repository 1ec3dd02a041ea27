package commandline

import (
	"testing"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
)

// TestWhatIsNotUnderstood is an error of the command line, and says how it is written.
func TestWhatIsNotUnderstood(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"store.yaml"}, `"store.yaml" is not understood: it is written nightfilld --config FILE; see: nightfilld --help`},
		{[]string{"--log-levl", "info"}, "unknown flag: --log-levl"},
	}
	for _, tt := range tests {
		cmd, _ := Command()
		cmd.RunE = func(*cobra.Command, []string) error { return nil }
		cmd.SetArgs(tt.args)
		if err := cmd.Execute(); err == nil || err.Error() != tt.want || exit.Code(err) != exit.Usage {
			t.Errorf("%v: %v (exit %d), want %s", tt.args, err, exit.Code(err), tt.want)
		}
	}
}

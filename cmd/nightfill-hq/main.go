// Command nightfill-hq is headquarters: it hears the stores over MQTT, keeps what they tell and shows it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/storecmd"
)

// Set when a release is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := command().ExecuteContext(ctx)
	switch {
	case err != nil && slices.Contains(os.Args, "--json"):
		storecmd.Report(os.Stderr, err, true)
	case err != nil:
		fmt.Fprintf(os.Stderr, "nightfill-hq: %v\n", err)
	}
	os.Exit(exit.Code(err))
}

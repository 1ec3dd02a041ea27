// Command nightfilld runs the appliance of one store.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
)

// Set when a release is built.
var (
	version = "dev"
	built   = "" // RFC 3339
)

func main() {
	exit.CrashBySignal()
	ctx, stop := signal.NotifyContext(context.Background(), exit.Stops()...)
	defer stop()
	err := command().ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(os.Stderr, "nightfilld: %v\n", err)
	}
	os.Exit(exit.Code(err))
}

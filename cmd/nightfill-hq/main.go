// Command nightfill-hq is headquarters: it hears the stores over MQTT, keeps what they tell and shows it.
package main

import "github.com/nightfill/nightfill/cmd/nightfill-hq/commandline"

// Set when a release is built.
var (
	version = "dev"
	built   string // RFC 3339
)

func main() { commandline.Main(version, built) }

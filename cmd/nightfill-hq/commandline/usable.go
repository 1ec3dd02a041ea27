package commandline

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// usable looks at the addresses that stand on the command line, as those of a file are looked at when it is read.
// What may hold a password is not repeated.
func (f flags) usable() error {
	if u, err := url.Parse(f.mqtt); f.mqtt != "" && (err != nil || u.Hostname() == "" || u.Scheme != "mqtt" && u.Scheme != "mqtts") {
		return errors.New("--mqtt names no broker: write it like mqtts://mqtt.example.com:8883, or mqtt://127.0.0.1:1883 in a lab")
	}
	kind, rest, _ := strings.Cut(f.db, ":")
	if f.db != "" && (rest == "" || kind != "sqlite" && kind != "postgres" && kind != "postgresql") {
		return errors.New("--db names no database: write sqlite:PATH or postgres://USER@HOST/NAME")
	}
	if _, _, err := net.SplitHostPort(f.listen); f.listen != "" && err != nil {
		return fmt.Errorf("--listen is %q: write it like 127.0.0.1:8444", f.listen)
	}
	return nil
}

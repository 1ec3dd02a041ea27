package mqttline

import (
	"testing"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{URL: "mqtts://b:9", CA: "ca.pem", Cert: "c.pem", Key: "k.pem", Username: "u", PasswordFile: "p"}, ""},
		{Options{URL: "tcp://b:1883"}, `cannot use mqtt url "tcp://b:1883": it must begin with mqtts:// (or mqtt:// in a lab)`},
		{Options{URL: "mqtt://:1883"}, `cannot use mqtt url "mqtt://:1883": it names no host`},
		{Options{URL: "mqtt://b:x"}, `cannot read mqtt url "mqtt://b:x": write it like mqtts://mqtt.example.com:8883`},
		{Options{URL: "mqtt://me:secret@b"}, "cannot use a mqtt url with a password in it: set username and password_file"},
		{Options{URL: "mqtt://b/path"}, `cannot use mqtt url "mqtt://b/path": nothing may follow the host and port`},
		{Options{URL: "mqtts://b", Cert: "c.pem"}, "cannot use a client certificate without its key: set both cert and key"},
		{Options{URL: "mqtt://b", PasswordFile: "p"}, "cannot use password_file without username"},
		{Options{URL: "mqtt://b", CA: "ca.pem"}, "cannot use ca, cert or key with mqtt://: write mqtts:// in the url"},
		{Options{URL: "tcp://b", Key: "k.pem", PasswordFile: "p"}, `cannot use mqtt url "tcp://b": it must begin with mqtts:// (or mqtt:// in a lab)` +
			"\ncannot use a client certificate without its key: set both cert and key\ncannot use password_file without username"},
	} {
		b, err := New(c.o)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want || (err == nil) != (b != nil) {
			t.Errorf("New says\n%s\nwant\n%s", got, c.want)
		}
	}
	for url, address := range map[string]string{"mqtt://b": "b:1883", "mqtts://b": "b:8883", "mqtts://b:1/": "b:1", "mqtt://[::1]": "[::1]:1883"} {
		if b, err := New(Options{URL: url}); err != nil || b.String() != address {
			t.Errorf("%s leads to %s, %v, want %s", url, b, err, address)
		}
	}
}

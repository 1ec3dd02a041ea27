package commandline

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
)

// said runs a command and returns its exit code and everything that it says.
func said(t *testing.T, args ...string) (int, string) {
	t.Helper()
	cmd := Command("dev", "")
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	if err != nil {
		out.WriteString(err.Error())
	}
	return exit.Code(err), out.String()
}

func TestCommands(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	for path, text := range map[string]string{
		good: "version: 1\norg: acme\nmqtt: {url: mqtt://127.0.0.1:1883}\ncatalog: {url: \"https://c.example.com/\", root: root.json}\n",
		bad:  "version: 1\norgs: acme\nlisten: nowhere\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		args string
		code int
		want string
	}{
		{"", exit.Usage, "nothing says where to listen: write nightfill-hq --config /etc/nightfill/hq.yaml, or in a lab nightfill-hq --mqtt mqtt://127.0.0.1:1883 --db sqlite:hq.db --listen 127.0.0.1:8444"},
		{"--config /gone.yaml", exit.Usage, "cannot read the headquarters file: stat /gone.yaml: no such file or directory"},
		{"--config " + bad, exit.Usage, bad + ":2:1: orgs: is not a known key; did you mean org?"},
		{"--config " + good, exit.Usage, good + ":4:48: catalog.root: " + filepath.Join(dir, "root.json") + " does not exist; copy root.json from the folder that `nightfill catalog publish` wrote"},
		{"--mqtt mqtt://h --login off --listen :8444", exit.Usage, "nobody would have to log in at :8444, which others can reach: listen on 127.0.0.1, or keep the login on"},
		{"--mqtt mqtt://h --login maybe", exit.Usage, `--login is "maybe": write off, or leave it out`},
		{"--mqtt mqtt://h --log-level loud", exit.Usage, "loud"},
		{"--mqtt ftp://h", exit.Usage, "--mqtt names no broker: write it like mqtts://mqtt.example.com:8883, or mqtt://127.0.0.1:1883 in a lab"},
		{"--mqtt mqtt://", exit.Usage, "--mqtt names no broker"},
		{"--mqtt mqtt://h --db sqlite:", exit.Usage, "--db names no database: write sqlite:PATH or postgres://USER@HOST/NAME"},
		{"--mqtt mqtt://h --db hq.db", exit.Usage, "--db names no database"},
		{"--mqtt mqtt://h --listen 8444", exit.Usage, `--listen is "8444": write it like 127.0.0.1:8444`},
		{"--banana", exit.Usage, "unknown flag: --banana"},
		{"--version", exit.Good, "nightfill-hq version dev"},
		{"--help", exit.Good, "Exit codes: 0 stopped when told to, 1 failed, 2 wrong usage or headquarters file."},
		{"help", exit.Good, "Read a page: nightfill-hq help TOPIC"},
		{"help fleet-morning", exit.Good, "Look at the fleet in the morning\n"},
		{"help token add", exit.Good, "nightfill-hq token add NAME --role viewer|manager|admin"},
		{"help frobnicate", exit.Usage, `there is no page of the handbook and no command "frobnicate": see: nightfill-hq help`},
		{"help --man " + dir, exit.Good, "Read them with: man -M " + dir + " nightfill-hq"},
		{"completion bash", exit.Good, "bash completion"},
		{"config validate --file-only " + good, exit.Good, good + ": headquarters of acme"},
		{"config validate " + good, exit.NotAllGood, "is valid, but 1 problem with the files that it names"},
		{"config validate " + bad, exit.Usage, bad + " is not a valid headquarters file: 3 problems"},
		{"config explain login.idle", exit.Good, "A session ends when it was not used for so long."},
		{"config schema", exit.Good, `"title": "Nightfill headquarters file"`},
		{"exceptions list --config " + bad, exit.Usage, "orgs: is not a known key"},
		{"exceptions list --db sqlite:" + filepath.Join(dir, "hq.db"), exit.Failed, "cannot open the database sqlite:" + filepath.Join(dir, "hq.db") + ": stat "},
		{"exceptions list --db hq.db", exit.Usage, "--db names no database"},
		{"user list --state " + dir, exit.Unreachable, "cannot reach nightfill-hq at " + dir + "/control.sock: there is no such socket: see if it runs with: systemctl status nightfill-hq"},
		{"user add x --state " + dir, exit.Usage, "--role is missing: write viewer, manager or admin: see: nightfill-hq user add --help"},
	}
	for _, tt := range tests {
		code, text := said(t, strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(text, tt.want) {
			t.Errorf("%s: exit code %d, want %d; said\n%s\nwant\n%s", tt.args, code, tt.code, text, tt.want)
		}
	}
	for _, name := range []string{"man7/nightfill-fleet-morning.7", "man8/nightfill-hq.8", "man8/nightfill-hq-token-add.8"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

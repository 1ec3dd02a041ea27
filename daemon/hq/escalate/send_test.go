package escalate

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func message() Message {
	return Message{ID: "ABC", Org: "acme", At: time.Date(2026, 11, 22, 3, 4, 0, 0, time.UTC), Text: "Store 7: ä broken", Link: "https://hq/attention",
		Groups: []Group{{Kind: "failed", Cause: "broken", Stores: 1, Items: []Item{{ID: "1", Store: "7", Text: "p-1 failed."}}}}}
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWebhook(t *testing.T) {
	var got *http.Request
	var body []byte
	status := http.StatusNoContent
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	defer server.Close()
	w := Webhook{URL: server.URL + "/hook", SecretFile: file(t, "hush\nnot this")}
	if err := w.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte("hush"))
	mac.Write(body)
	if got.Header.Get("X-Nightfill-Signature") != "sha256="+hex.EncodeToString(mac.Sum(nil)) || got.Header.Get("X-Nightfill-Delivery") != "ABC" || got.Method != "POST" {
		t.Errorf("%s %v", got.Method, got.Header)
	}
	want := `{"id":"ABC","org":"acme","at":"2026-11-22T03:04:00Z","to":"","after":"","text":"Store 7: ä broken","link":"https://hq/attention","groups":[{"kind":"failed","urgent":false,"cause":"broken","stores":1,"since":"0001-01-01T00:00:00Z","items":[{"id":"1","store":"7","text":"p-1 failed."}],"more":0}]}`
	if string(body) != want {
		t.Errorf("\n got %s\nwant %s", body, want)
	}
	for _, bad := range []int{302, 404, 500} {
		status = bad
		if err := w.Send(t.Context(), message()); err == nil || err.Error() != fmt.Sprintf("%s answered %d %s", server.URL, bad, http.StatusText(bad)) {
			t.Errorf("%d: %v", bad, err)
		}
	}
	// The address of a webhook often lets in whoever knows it: errors go where every viewer can read them.
	closed := httptest.NewServer(nil)
	closed.Close()
	for address, want := range map[string]string{
		closed.URL + "/services/T0/B0/hush?key=hush": closed.URL + " cannot be reached: dial tcp ",
		"http://x:hush@127.0.0.1:bad/hush":           "the address of the webhook cannot be used",
	} {
		if err := (Webhook{URL: address}).Send(t.Context(), message()); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	w.SecretFile = "/gone"
	if err := w.Send(t.Context(), message()); err == nil || err.Error() != "cannot read a secret: open /gone: no such file or directory" {
		t.Errorf("%v", err)
	}
}

// server is a mail server that takes every mail of those who may.
type server struct {
	net.Listener
	config *tls.Config
	login  string // "" = nobody logs in
	refuse string // what it says to an address

	mu    sync.Mutex
	mails []string
	done  sync.WaitGroup
}

func serve(t *testing.T, change func(*server)) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l}
	change(s)
	l = s.Listener
	s.done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.done.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				s.talk(c)
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); s.done.Wait() })
	return s
}

// talk speaks SMTP with one client.
func (s *server) talk(c net.Conn) {
	r := textproto.NewReader(bufio.NewReader(c))
	say := func(text string) { _, _ = io.WriteString(c, text+"\r\n") }
	say("220 mail")
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-mail")
			_, encrypted := c.(*tls.Conn)
			if s.config != nil && !encrypted {
				say("250-STARTTLS")
			}
			if s.login != "" {
				say("250-AUTH PLAIN")
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go on")
			c = tls.Server(c, s.config)
			r = textproto.NewReader(bufio.NewReader(c))
		case "AUTH":
			word, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			if string(word) != "\x00n\x00"+s.login {
				say("535 no")
				continue
			}
			say("235 welcome")
		case "RCPT":
			if s.refuse != "" {
				say(s.refuse)
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go on")
			text, err := io.ReadAll(r.DotReader())
			if err != nil {
				return
			}
			s.mu.Lock()
			s.mails = append(s.mails, string(text))
			s.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// certificate makes one for 127.0.0.1 and the file of its authority.
func certificate(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func TestMail(t *testing.T) {
	config, ca := certificate(t)
	tests := []struct {
		name   string
		server func(*server)
		mail   Mail
		want   string // of the error; "" = the mail is taken
	}{
		{"in the clear", func(*server) {}, Mail{Security: Plain}, ""},
		{"encrypted from the first byte", func(s *server) { s.config = config; s.Listener = tls.NewListener(s.Listener, config) }, Mail{Security: TLS, CA: ca}, ""},
		{"STARTTLS and a login", func(s *server) { s.config = config; s.login = "hush" }, Mail{Security: StartTLS, CA: ca, Username: "n", PasswordFile: file(t, "hush\n")}, ""},
		{"a wrong password", func(s *server) { s.config = config; s.login = "hush" }, Mail{Security: StartTLS, CA: ca, Username: "n", PasswordFile: file(t, "no\n")}, "SMTP AUTH failed: 535"},
		{"STARTTLS is taken away on the way", func(*server) {}, Mail{Security: StartTLS, CA: ca}, "STARTTLS"},
		{"a certificate of nobody", func(s *server) { s.config = config }, Mail{Security: StartTLS}, "certificate"},
		{"certificates that are none", func(s *server) { s.config = config }, Mail{Security: StartTLS, CA: file(t, "x")}, "holds no PEM certificate"},
		{"an address that is not known", func(s *server) { s.refuse = "550 who is that" }, Mail{Security: Plain}, `550 "who is that"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.server)
			tt.mail.Host, tt.mail.From, tt.mail.To, tt.mail.Address = s.Addr().String(), "nightfill@example.com", []string{"a@example.com", "b@example.com"}, "https://hq"
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err := tt.mail.Send(ctx, message())
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("%v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.mails) != 1 {
				t.Fatalf("%d mails", len(s.mails))
			}
			for _, part := range []string{"Message-ID: <ABC@example.com>", "Auto-Submitted: auto-generated", "Subject: =?UTF-8?q?[Nightfill_acme]_Store_7:_=C3=A4_broken?=", "To: <a@example.com>, <b@example.com>", "p-1 failed."} {
				if !strings.Contains(s.mails[0], part) {
					t.Errorf("the mail lacks %q:\n%s", part, s.mails[0])
				}
			}
		})
	}
}

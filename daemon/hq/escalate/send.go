package escalate

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

const (
	maxAnswer = 4 << 10
	dialLimit = 15 * time.Second
)

// Webhook posts messages to an address.
type Webhook struct {
	URL        string
	SecretFile string       // its first line signs what is posted; "" = not signed. It is read for each message.
	Client     *http.Client // nil = one that follows no redirect
}

// Send implements Sender. Any 2xx answer means that the message was taken.
func (w Webhook) Send(ctx context.Context, m Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address of the webhook cannot be used: look into the headquarters file")
	}
	host := req.URL.Scheme + "://" + req.URL.Host // the rest of the address may be a secret, and errors are shown
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "nightfill-hq")
	req.Header.Set("X-Nightfill-Delivery", m.ID)
	if w.SecretFile != "" {
		secret, err := firstLine(w.SecretFile)
		if err != nil {
			return err
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		req.Header.Set("X-Nightfill-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	client := w.Client
	if client == nil {
		client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	answer, err := client.Do(req)
	if err != nil {
		var why *url.Error
		if errors.As(err, &why) {
			err = why.Err
		}
		return fmt.Errorf("%s cannot be reached: %w", host, err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %s", host, answer.Status)
	}
	return nil
}

func firstLine(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("cannot read a secret: %w", err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(line), nil
}

// The ways to speak to a mail server.
const (
	TLS      = "tls"      // from the first byte
	StartTLS = "starttls" // and not without it
	Plain    = "plain"    // in the clear
)

// Mail sends messages as mail.
type Mail struct {
	Host         string // host:port
	Security     string
	CA           string // file; "" = the certificates that the system trusts
	From         string
	To           []string
	Username     string // "" = no login
	PasswordFile string
	Address      string // of headquarters for browsers
}

// Send implements Sender: the server took the mail for every address.
func (l Mail) Send(ctx context.Context, m Message) error {
	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := errors.Join(letter.From(l.From), letter.To(l.To...)); err != nil {
		return err
	}
	letter.Subject(m.Subject())
	letter.SetDateWithValue(m.At)
	letter.SetMessageIDWithValue(m.ID + "@" + domain(l.From))
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	letter.SetBodyString(mail.TypeTextPlain, m.Letter(l.Address))
	dialer := &net.Dialer{Timeout: dialLimit}
	var open net.Conn // the client keeps a connection that it refuses
	client, err := l.client(func(ctx context.Context, network, address string) (net.Conn, error) {
		var err error
		open, err = dialer.DialContext(ctx, network, address)
		return open, err
	})
	if err != nil {
		return err
	}
	defer func() {
		if open != nil {
			_ = open.Close()
		}
	}()
	if err := client.DialAndSendWithContext(ctx, letter); err != nil {
		return fmt.Errorf("%s did not take the mail: %w", l.Host, err)
	}
	return nil
}

func domain(address string) string {
	if _, host, ok := strings.Cut(address, "@"); ok {
		return host
	}
	return "nightfill"
}

func (l Mail) client(dial mail.DialContextFunc) (*mail.Client, error) {
	host, port, err := net.SplitHostPort(l.Host)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if l.CA != "" {
		pem, err := os.ReadFile(l.CA)
		if err != nil {
			return nil, fmt.Errorf("cannot read the certificates of the mail server: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot use the certificates of the mail server: %s holds no PEM certificate", l.CA)
		}
	}
	options := []mail.Option{mail.WithPort(number), mail.WithTLSConfig(config), mail.WithTimeout(dialLimit)}
	switch l.Security {
	case TLS:
		inner := dial
		dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := inner(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return tls.Client(c, config), nil
		}
		options = append(options, mail.WithSSL())
	case StartTLS:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	default:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	options = append(options, mail.WithDialContextFunc(dial))
	if l.Username != "" {
		password, err := firstLine(l.PasswordFile)
		if err != nil {
			return nil, err
		}
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(l.Username), mail.WithPassword(password))
	}
	return mail.NewClient(host, options...)
}

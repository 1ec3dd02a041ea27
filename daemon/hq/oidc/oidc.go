// Package oidc is the login of the organisation by OpenID Connect: the code flow with PKCE, state and
// nonce. It keeps nothing: what belongs to one login is in a cookie of its browser, and who comes back
// is handed over with a name and a role. The provider is asked for its keys at the first login, so that
// headquarters starts and local accounts work while it is away.
package oidc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	provider "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/ui/signin"
)

// askLimit is how long the provider may take for an answer.
const askLimit = 10 * time.Second

// Options are what a Login is made from.
type Options struct {
	Label    string // on the button
	Issuer   string
	ClientID string
	Secret   string // "" = a public client
	Redirect string // the address that browsers come back to
	Claim    string // holds the groups of a person
	Scopes   []string
	Roles    map[site.UserRole][]string // the groups that have a role
	// Admit opens a session for who came back.
	Admit func(name string, role site.UserRole, source string, now time.Time) (signin.Entry, error)
	// Refused is told of each login that ended without a session; nil = nobody is.
	Refused func(source string, now time.Time)
	// Client speaks to the provider; nil = one of its own.
	Client *http.Client
}

// Login is the login of the organisation.
type Login struct {
	Options

	turn     chan struct{} // one asks the provider who it is; the others wait, each as long as it may
	provider atomic.Pointer[provider.Provider]
}

// New makes a Login. It asks nobody.
func New(o Options) *Login {
	if o.Client == nil {
		o.Client = &http.Client{Timeout: askLimit}
	}
	if o.Refused == nil {
		o.Refused = func(string, time.Time) {}
	}
	return &Login{Options: o, turn: make(chan struct{}, 1)}
}

// Name implements signin.External.
func (l *Login) Name() string { return l.Label }

// flow is one login that was begun, as its browser keeps it.
type flow struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	To       string `json:"to,omitempty"` // the page that the browser was going to
}

// Begin implements signin.External.
func (l *Login) Begin(ctx context.Context, to string) (address, kept string, err error) {
	ctx, cancel := l.limited(ctx)
	defer cancel()
	config, _, err := l.config(ctx)
	if err != nil {
		return "", "", err
	}
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), To: to}
	text, err := json.Marshal(f)
	if err != nil {
		return "", "", err
	}
	address = config.AuthCodeURL(f.State, provider.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier))
	return address, base64.RawURLEncoding.EncodeToString(text), nil
}

// Finish implements signin.External.
func (l *Login) Finish(ctx context.Context, kept string, r *http.Request, source string, now time.Time) (signin.Entry, error) {
	e, err := l.finish(ctx, kept, r, source, now)
	if err != nil {
		l.Refused(source, now)
	}
	return e, err
}

func (l *Login) finish(ctx context.Context, kept string, r *http.Request, source string, now time.Time) (signin.Entry, error) {
	ctx, cancel := l.limited(ctx)
	defer cancel()
	var f flow
	text, err := base64.RawURLEncoding.DecodeString(kept)
	if err != nil || json.Unmarshal(text, &f) != nil || f.State == "" {
		return signin.Entry{}, refuse("what the browser kept of this login is damaged: begin it again")
	}
	q := r.URL.Query()
	switch {
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.State)) != 1:
		return signin.Entry{}, refuse("this is not the login that was begun in this browser: begin it again")
	case q.Get("error") != "":
		return signin.Entry{}, refuse("%s did not let you in: %s", l.Label, said(q))
	}
	claims, err := l.claims(ctx, q.Get("code"), f)
	if err != nil {
		return signin.Entry{}, err
	}
	name, err := l.nameOf(claims)
	if err != nil {
		return signin.Entry{}, err
	}
	role, ok := l.roleOf(claims)
	if !ok {
		return signin.Entry{}, refuse("%s knows you as %s, and none of your groups has a role here: ask an admin of headquarters for one", l.Label, name)
	}
	e, err := l.Admit(name, role, source, now)
	e.To = f.To
	return e, err
}

func refuse(format string, args ...any) error {
	return &signin.Refusal{Code: "external", Say: fmt.Sprintf(format, args...)}
}

// said is why a provider refused, as it says.
func said(q url.Values) string {
	if text := q.Get("error_description"); text != "" {
		return clean(text)
	}
	return clean(q.Get("error"))
}

// clean makes text of somebody else fit for one line.
func clean(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 200 {
		return string(runes[:200]) + "..."
	}
	return text
}

func (l *Login) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(provider.ClientContext(ctx, l.Client), askLimit)
}

// config finds out where the provider does what. A failure is forgotten: the next login asks again.
func (l *Login) config(ctx context.Context) (oauth2.Config, *provider.Provider, error) {
	p := l.provider.Load()
	if p == nil {
		var err error
		if p, err = l.discover(ctx); err != nil {
			return oauth2.Config{}, nil, refuse("%s does not answer: %s; an account of headquarters still opens it", l.Label, clean(err.Error()))
		}
	}
	return oauth2.Config{ClientID: l.ClientID, ClientSecret: l.Secret, Endpoint: p.Endpoint(), RedirectURL: l.Redirect, Scopes: l.Scopes}, p, nil
}

// discover asks the provider who it is.
func (l *Login) discover(ctx context.Context) (*provider.Provider, error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if p := l.provider.Load(); p != nil {
		return p, nil
	}
	// The keys are fetched with the context of the discovery, for as long as the program runs.
	p, err := provider.NewProvider(provider.ClientContext(context.WithoutCancel(ctx), l.Client), l.Issuer)
	if err != nil {
		return nil, err
	}
	l.provider.Store(p)
	return p, nil
}

// claims takes the code for the signed word of the provider about a person.
func (l *Login) claims(ctx context.Context, code string, f flow) (map[string]any, error) {
	config, p, err := l.config(ctx)
	if err != nil {
		return nil, err
	}
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return nil, refuse("%s did not take back its own code: %s", l.Label, clean(err.Error()))
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, refuse("%s does not say who you are: have it send an id_token", l.Label)
	}
	id, err := p.Verifier(&provider.Config{ClientID: l.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, refuse("what %s says of you is not good: %s", l.Label, clean(err.Error()))
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1 {
		return nil, refuse("what %s says of you belongs to another login: begin it again", l.Label)
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return nil, refuse("what %s says of you cannot be read: %s", l.Label, clean(err.Error()))
	}
	return claims, nil
}

// maxName is how long a name may be that is written down with everything its owner does.
const maxName = 128

// nameOf names a person so that no local account can have the name, and nobody else of the provider has it.
func (l *Login) nameOf(claims map[string]any) (string, error) {
	text := func(claim string) string {
		s, _ := claims[claim].(string)
		return strings.ToLower(strings.TrimSpace(s))
	}
	name := ""
	switch claims["email_verified"] {
	case nil, true, "true": // some send a text
		name = text("email")
	}
	if !strings.Contains(name, "@") {
		host := l.Issuer
		if u, err := url.Parse(l.Issuer); err == nil {
			host = u.Host
		}
		s, _ := claims["sub"].(string)
		if name = s; name != "" {
			name += "@" + host
		}
	}
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", refuse("%s gives no name that can be written down: have it send the claim email", l.Label)
	}
	return name, nil
}

// roleOf finds the most that the groups of a person give.
func (l *Login) roleOf(claims map[string]any) (site.UserRole, bool) {
	var groups []string
	switch v := claims[l.Claim].(type) {
	case string:
		groups = []string{v}
	case []any:
		for _, one := range v {
			if s, ok := one.(string); ok {
				groups = append(groups, s)
			}
		}
	}
	for _, role := range slices.Backward(site.HeadquartersRoles()) {
		if slices.ContainsFunc(l.Roles[role], func(g string) bool { return slices.Contains(groups, g) }) {
			return role, true
		}
	}
	return "", false
}

var _ signin.External = (*Login)(nil)

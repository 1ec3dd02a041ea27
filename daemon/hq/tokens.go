package hq

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/ui/signin"
)

const (
	tokenKind   = "token"
	tokenPrefix = "nfhq_" // by which a token is found where it should not be
	tokenEvery  = 5 * time.Second
	maxTokens   = 1000
)

var tokenName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// notebook is where notes are kept: a token each, and what was announced.
type notebook interface {
	Notes(ctx context.Context, kind string) ([]board.Note, error)
	Note(ctx context.Context, kind, id string) (board.Note, error)
	Keep(ctx context.Context, n board.Note) (board.Note, error)
}

// auditLog is where it is written who made a token and who took it back.
type auditLog interface {
	Record(ctx context.Context, d board.Deed) (board.Deed, error)
}

// keptToken is a token as the database has it.
type keptToken struct {
	wire.Token
	Hash string `json:"sha256"` // of the secret, which is drawn at random and needs no slow hash
}

// tokens are what scripts show in place of a login. Every headquarters on the same database has them.
type tokens struct {
	notes notebook
	log   auditLog

	mu     sync.Mutex // guards what follows; held for memory only
	byHash map[string]wire.Token
}

func newTokens(notes notebook, log auditLog) *tokens {
	return &tokens{notes: notes, log: log, byHash: map[string]wire.Token{}}
}

// Run reads anew what another program may have changed, until ctx ends.
func (t *tokens) Run(ctx context.Context) error {
	tick := time.NewTicker(tokenEvery)
	defer tick.Stop()
	for {
		_, _ = t.read(ctx) // what was known stays known while the database is away
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (t *tokens) read(ctx context.Context) ([]keptToken, error) {
	ctx, cancel := context.WithTimeout(ctx, recordLimit)
	defer cancel()
	notes, err := t.notes.Notes(ctx, tokenKind)
	if err != nil {
		return nil, err
	}
	var all []keptToken
	known := map[string]wire.Token{}
	for _, n := range notes {
		var k keptToken
		if json.Unmarshal(n.Body, &k) == nil {
			all, known[k.Hash] = append(all, k), k.Token
		}
	}
	t.mu.Lock()
	t.byHash = known
	t.mu.Unlock()
	return all, nil
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Who returns who a secret stands for.
func (t *tokens) Who(_ context.Context, secret string) (signin.Person, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.byHash[hashOf(secret)]
	if !ok || !k.Until.IsZero() && !time.Now().Before(k.Until) {
		return signin.Person{}, false
	}
	return signin.Person{Name: "token " + k.Name, Role: string(k.Role)}, true
}

// List implements users.Tokens.
func (t *tokens) List(ctx context.Context) ([]wire.Token, error) {
	all, err := t.read(ctx)
	list := []wire.Token{}
	for _, k := range all {
		list = append(list, k.Token)
	}
	return list, err
}

// Add implements users.Tokens.
func (t *tokens) Add(ctx context.Context, token wire.Token, actor string) (string, error) {
	switch {
	case !tokenName.MatchString(token.Name):
		return "", &wire.Error{Status: 400, Code: wire.CodeBadRequest, Message: fmt.Sprintf("%q cannot be the name of a token", token.Name),
			WhatToDo: "write 1 to 64 lower-case letters, digits, dots, underscores and hyphens"}
	case !slices.Contains(site.HeadquartersRoles(), token.Role):
		return "", &wire.Error{Status: 400, Code: wire.CodeBadRequest, Message: fmt.Sprintf("%q is not a role", token.Role), WhatToDo: "write one of viewer, manager, admin"}
	}
	was, err := t.notes.Note(ctx, tokenKind, token.Name)
	if err != nil {
		return "", err
	}
	if was.Body != nil {
		return "", &wire.Error{Status: 409, Code: "name_taken", Message: fmt.Sprintf("there is a token %q already", token.Name), WhatToDo: "choose another name, or remove it first"}
	}
	if all, err := t.read(ctx); err != nil || len(all) >= maxTokens {
		return "", cmpErr(err, &wire.Error{Status: 409, Code: "too_many", Message: fmt.Sprintf("there are %d tokens, which is the most", maxTokens), WhatToDo: "remove one first"})
	}
	secret := tokenPrefix + strings.ToLower(rand.Text()+rand.Text())
	body, err := json.Marshal(keptToken{token, hashOf(secret)})
	if err != nil {
		return "", err
	}
	if _, err := t.notes.Keep(ctx, board.Note{Kind: tokenKind, ID: token.Name, Version: was.Version, Body: body, By: actor, At: time.Now()}); err != nil {
		return "", err
	}
	return secret, t.changed(ctx, actor, "token.add", token.Name, "with the role "+string(token.Role))
}

// Remove implements users.Tokens.
func (t *tokens) Remove(ctx context.Context, name, actor string) error {
	was, err := t.notes.Note(ctx, tokenKind, name)
	if err != nil {
		return err
	}
	if was.Body == nil {
		return &wire.Error{Status: 404, Code: "no_such_token", Message: fmt.Sprintf("there is no token %q", name), WhatToDo: "see: nightfill-hq token list"}
	}
	was.Body, was.By, was.At = nil, actor, time.Now()
	if _, err := t.notes.Keep(ctx, was); err != nil {
		return err
	}
	return t.changed(ctx, actor, "token.remove", name, "")
}

// changed writes a change down and takes it over at once.
func (t *tokens) changed(ctx context.Context, actor, verb, name, text string) error {
	_, err := t.log.Record(ctx, board.Deed{At: time.Now(), Actor: actor, Origin: "control socket", Verb: verb, Subject: name, Outcome: "ok", Text: text})
	_, rerr := t.read(ctx)
	return errors.Join(err, rerr)
}

func cmpErr(err error, other error) error {
	if err != nil {
		return err
	}
	return other
}

package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/publish/roles"
)

// noHolds is what a holds role lists that stops nothing.
func (r *Repo) noHolds() (map[string]*metadata.TargetFiles, error) {
	return r.listHolds(site.Holds{Schema: site.HoldsSchema, Patches: map[string]site.PatchHold{}})
}

// listHolds keeps a list of holds as a payload and returns what the role that signs it lists.
func (r *Repo) listHolds(h site.Holds) (map[string]*metadata.TargetFiles, error) {
	data, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	return map[string]*metadata.TargetFiles{site.HoldsTarget: roles.Target(data)}, r.keepPayload(data)
}

// AddHolds gives a catalog the holds role and makes its key, named holds-1, in the ring. The change of
// targets is signed with the keys at hand; what is missing is named, and Sign completes it. Stores
// learn of the role with the next publish. A store of a version that does not know the role refuses
// such a catalog: all stores come first.
func (r *Repo) AddHolds(keys roles.Keyring, now time.Time) (waiting []Waiting, err error) {
	err = r.locked(func(b *book) error {
		if err := b.settle(); err != nil {
			return err
		}
		switch {
		case b.Signed.Quorum(site.HoldsRole).Need > 0:
			return errors.New("the catalog has the role holds already")
		case b.Pending.Root != nil || b.Pending.Targets != nil:
			return errors.New("an earlier change of keys waits for signatures: complete it first, see `nightfill catalog status`")
		}
		listed, err := b.noHolds()
		if err != nil {
			return err
		}
		k, err := roles.MakeKey(keys, b.NextKeyName(site.HoldsRole))
		if err != nil {
			return err
		}
		b.cfg.Names[k.ID()] = k.Name()
		if err := writeJSON(b.path(configName), b.cfg); err != nil {
			return err
		}
		err = b.AddRole(roles.Signers{
			Role: site.HoldsRole, Threshold: 1, Keys: []roles.Made{k}, Paths: []string{site.HoldsPaths}, Listed: listed,
		}, keys, now)
		if err != nil {
			return err
		}
		if err := b.settle(); err != nil {
			return err
		}
		waiting, err = b.waiting()
		return err
	})
	return waiting, err
}

// HoldOptions are a hold that is published at once.
type HoldOptions struct {
	Patch  string
	Digest string // of the patch's bytes, "" = whatever they are
	Reason string
	Out    string        // the directory that a web server serves
	Keys   roles.Keyring // needs the keys of holds, snapshot and timestamp, and no other
	Verify VerifyFunc    // nil: not verified; only for tests
	Now    time.Time
}

// Hold stops a patch in every store, until people lift the hold or withdraw the patch. It gives out a
// new version of the holds role alone: of every other role, stores go on to see what they see,
// whatever was signed since. To hold a patch again that is held changes nothing but the reason.
func (r *Repo) Hold(ctx context.Context, o HoldOptions) (Published, error) {
	o.Reason = strings.TrimSpace(o.Reason)
	if o.Reason == "" {
		return Published{}, errors.New("a hold needs a reason: stores show it")
	}
	var out Published
	err := r.locked(func(b *book) error {
		p, err := b.begin(Options{Out: o.Out, Keys: o.Keys, Verify: o.Verify, Now: o.Now})
		if err != nil {
			return err
		}
		if err := p.mayHold(o.Patch); err != nil {
			return err
		}
		if err := p.signHold(o); err != nil {
			return err
		}
		p.only = site.HoldsRole
		out, err = p.give(ctx)
		return err
	})
	return out, err
}

// mayHold says why a patch cannot be held now, or nil.
func (p *publication) mayHold(id string) error {
	switch {
	case p.Signed.Quorum(site.HoldsRole).Need == 0:
		return fmt.Errorf("this catalog has no role holds: make it with `nightfill catalog role add-holds %s`, or withdraw the patch", p.dir)
	case p.online.Snapshot == nil || p.online.Snapshot.Signed.Meta[site.HoldsRole+".json"] == nil:
		return fmt.Errorf("%s does not hold the role holds yet: publish once first", p.o.Out)
	case p.ownerOf(id) == "":
		return fmt.Errorf("there is no patch %s: %s", id, p.suggestPatch(id))
	}
	signed, err := p.content(site.FleetRole, p.Signed.Roles[site.FleetRole])
	if err != nil {
		return err
	}
	if w, gone := signed.Rules.Withdrawn[id]; gone { // one that nobody has signed yet stops nothing
		return fmt.Errorf("patch %s was withdrawn on %s already (%s)", id, w.At.Format(time.DateOnly), w.Reason)
	}
	if lifted, ok := p.rules.Lifted[id]; ok && !p.o.Now.After(lifted) {
		return fmt.Errorf("the hold of %s was lifted at %s: a hold set now would be over already; try again in a second", id, lifted.Format(time.RFC3339))
	}
	return nil
}

// signHold signs a version of the holds role with one more hold.
func (p *publication) signHold(o HoldOptions) error {
	holds, err := p.holds()
	if err != nil {
		return err
	}
	was, again := holds.Patches[o.Patch]
	if again && was.Digest == "" {
		o.Digest = "" // it never becomes less than it was
	}
	holds.Patches[o.Patch] = site.PatchHold{Digest: o.Digest, Reason: o.Reason, At: p.o.Now}
	listed, err := p.listHolds(holds)
	if err != nil {
		return err
	}
	md, _ := p.Prepare(site.HoldsRole, listed, p.o.Now)
	k, err := p.holdsKey()
	if err != nil {
		return err
	}
	if err := p.Book.Sign(site.HoldsRole, md, k); err != nil {
		return err
	}
	return p.settle()
}

// holdsKey is a key of the holds role that is at hand.
func (p *publication) holdsKey() (roles.Key, error) {
	for _, id := range p.Signed.Quorum(site.HoldsRole).Keys {
		if s, err := p.o.Keys.Signer(id); err != nil {
			return nil, err
		} else if s != nil {
			return roles.Held(id, p.KeyName(id), p.o.Keys), nil
		}
	}
	return nil, fmt.Errorf("cannot hold a patch: the key of holds is not at hand; give it with --key, or withdraw the patch with `nightfill catalog withdraw %s`", p.dir)
}

// holds reads what the holds role lists now.
func (b *book) holds() (site.Holds, error) {
	h := site.Holds{Schema: site.HoldsSchema, Patches: map[string]site.PatchHold{}}
	md := b.Signed.Roles[site.HoldsRole]
	if md == nil || md.Signed.Targets[site.HoldsTarget] == nil {
		return h, nil
	}
	err := readJSON(b.path(payloadDir, md.Signed.Targets[site.HoldsTarget].Hashes["sha256"].String()+".json"), &h)
	return h, err
}

// held lists the holds that are not lifted.
func (b *book) held() (map[string]site.PatchHold, error) {
	h, err := b.holds()
	maps.DeleteFunc(h.Patches, func(id string, hold site.PatchHold) bool { return b.rules.Lifts(id, hold) })
	return h.Patches, err
}

// Lift ends the hold of a patch: it may be begun again where it is released. It takes effect with the
// next publish, once the fleet role has signed.
func (r *Repo) Lift(id string, now time.Time) error {
	return r.locked(func(b *book) error {
		held, err := b.held()
		if err != nil {
			return err
		}
		h, ok := held[id]
		if !ok {
			return fmt.Errorf("patch %s is not held", id)
		}
		if b.rules.Lifted == nil {
			b.rules.Lifted = map[string]time.Time{}
		}
		b.rules.Lifted[id] = now.UTC().Truncate(time.Second)
		if h.At.After(b.rules.Lifted[id]) {
			return fmt.Errorf("the clock of this machine says %s, but patch %s is held since %s: set the clock first", now.UTC().Format(time.RFC3339), id, h.At.Format(time.RFC3339))
		}
		return writeJSON(b.path(rulesName), b.rules)
	})
}

// renewHolds signs the holds role again when half of its time is over, if its key is at hand.
func (p *publication) renewHolds() error {
	md := p.Signed.Roles[site.HoldsRole]
	if md == nil || p.o.Now.Before(md.Signed.Expires.Add(-roles.Life/2)) {
		return nil
	}
	k, err := p.holdsKey()
	if err != nil {
		return nil // somebody else has it: checkLive says so when it is too late
	}
	_, err = p.sign(site.HoldsRole, k, p.o.Now, nil)
	return err
}

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
	if len(data) > site.MaxTarget {
		return nil, fmt.Errorf("the list of holds would have %d bytes, and stores take %d: lift holds that are over, and publish", len(data), site.MaxTarget)
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
	Patch  string   // either a patch is held,
	Digest string   // of the patch's bytes, "" = whatever they are
	Stores []string // or stores are, by id, all of them in one publication
	Reason string
	By     string        // who asks for the hold of stores; may be empty
	Out    string        // the directory that a web server serves
	Keys   roles.Keyring // needs the keys of holds, snapshot and timestamp, and no other
	Verify VerifyFunc    // nil: not verified; only for tests
	Now    time.Time
}

// Hold stops a patch in every store, until people lift the hold or withdraw the patch; or it stops
// stores whole, until people lift that. It gives out a new version of the holds role alone: of every
// other role, stores go on to see what they see, whatever was signed since. To hold again what is
// held changes nothing but the reason and the time. What was signed when an error came goes out with the
// next publish.
func (r *Repo) Hold(ctx context.Context, o HoldOptions) (Published, error) {
	o.Reason, o.By = strings.TrimSpace(o.Reason), strings.TrimSpace(o.By)
	switch {
	case o.Reason == "":
		return Published{}, errors.New("a hold needs a reason: stores show it")
	case (o.Patch == "") == (len(o.Stores) == 0):
		return Published{}, errors.New("a hold is of one patch in every store, or of whole stores: name either")
	}
	var out Published
	err := r.locked(func(b *book) error {
		p, err := b.begin(Options{Out: o.Out, Keys: o.Keys, Verify: o.Verify, Now: o.Now})
		if err != nil {
			return err
		}
		if err := p.roleReady(o); err != nil {
			return err
		}
		add := p.addHold
		if len(o.Stores) > 0 {
			add = p.addStoreHolds
		}
		if err := p.signHolds(add, o); err != nil {
			return err
		}
		p.only = site.HoldsRole
		out, err = p.give(ctx)
		return err
	})
	return out, err
}

// roleReady says why nothing can be held now, or nil.
func (p *publication) roleReady(o HoldOptions) error {
	switch {
	case p.Signed.Quorum(site.HoldsRole).Need == 0:
		return fmt.Errorf("this catalog has no role holds: make it with `nightfill catalog role add-holds %s`%s", p.dir, o.instead(", or withdraw the patch"))
	case p.online.Snapshot == nil || p.online.Snapshot.Signed.Meta[site.HoldsRole+".json"] == nil:
		return fmt.Errorf("%s does not hold the role holds yet: publish once first", p.o.Out)
	}
	return nil
}

// mayHold says why a patch cannot be held now, or nil.
func (p *publication) mayHold(id string) error {
	if p.ownerOf(id) == "" {
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

// addHold adds a hold of a patch to a list.
func (p *publication) addHold(holds *site.Holds, o HoldOptions) error {
	if err := p.mayHold(o.Patch); err != nil {
		return err
	}
	was, again := holds.Patches[o.Patch]
	if again && was.Digest == "" {
		o.Digest = "" // it never becomes less than it was
	}
	holds.Patches[o.Patch] = site.PatchHold{Digest: o.Digest, Reason: o.Reason, At: p.o.Now}
	return nil
}

// signHolds signs a version of the holds role with one more hold, or several of stores.
func (p *publication) signHolds(add func(*site.Holds, HoldOptions) error, o HoldOptions) error {
	holds, err := p.holds()
	if err != nil {
		return err
	}
	if err := add(&holds, o); err != nil {
		return err
	}
	k, err := p.holdsKey()
	if err != nil {
		return err
	}
	if k == nil {
		return fmt.Errorf("cannot hold %s: the key of holds is not at hand; give it with --key%s", o.what(), o.instead(", or withdraw the patch with `nightfill catalog withdraw "+p.dir+"`"))
	}
	listed, err := p.listHolds(holds)
	if err != nil {
		return err
	}
	md, _ := p.Prepare(site.HoldsRole, listed, p.o.Now)
	if err := p.Book.Sign(site.HoldsRole, md, k); err != nil {
		return err
	}
	return p.settle()
}

// what names what is held.
func (o HoldOptions) what() string {
	if len(o.Stores) > 0 {
		return "a store"
	}
	return "a patch"
}

// instead is a text about what people may do instead of holding a patch; "" for stores, of which nothing else stops all.
func (o HoldOptions) instead(text string) string {
	if len(o.Stores) > 0 {
		return ""
	}
	return text
}

// holdsKey is a key of the holds role that is at hand; nil when none is.
func (p *publication) holdsKey() (roles.Key, error) {
	for _, id := range p.Signed.Quorum(site.HoldsRole).Keys {
		if s, err := p.o.Keys.Signer(id); err != nil {
			return nil, err
		} else if s != nil {
			return roles.Held(id, p.KeyName(id), p.o.Keys), nil
		}
	}
	return nil, nil
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
func (b *book) held() (site.Holds, error) {
	h, err := b.holds()
	maps.DeleteFunc(h.Patches, func(id string, hold site.PatchHold) bool { return b.rules.Lifts(id, hold) })
	maps.DeleteFunc(h.Stores, func(id string, hold site.StoreHold) bool { return b.rules.LiftsStore(id, hold) })
	return h, err
}

// Lift ends the hold of a patch: it may be begun again where it is released. It takes effect with the
// next publish, once the fleet role has signed.
func (r *Repo) Lift(id string, now time.Time) error {
	return r.locked(func(b *book) error {
		held, err := b.held()
		if err != nil {
			return err
		}
		h, ok := held.Patches[id]
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
	if err != nil || k == nil {
		return nil // somebody else has it: checkLive says so when it is too late
	}
	_, err = p.sign(site.HoldsRole, k, p.o.Now, nil)
	return err
}

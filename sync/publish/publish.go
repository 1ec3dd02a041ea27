package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/publish/roles"
)

// VerifyFunc checks, exactly as a store would, the catalog whose files are in files, with
// root as the only thing trusted. Publish calls it before stores can see the new version.
type VerifyFunc func(ctx context.Context, files fs.FS, root []byte, now time.Time) error

// Options of a publish.
type Options struct {
	Out    string        // the directory that a web server serves
	Keys   roles.Keyring // signs snapshot, timestamp and the fleet's rules
	Verify VerifyFunc    // nil: not verified; only for tests
	Now    time.Time
}

// Waiting is something that is not published because signatures are missing.
type Waiting struct {
	Role    string   `json:"role"`
	Patches []string `json:"patches,omitempty"`
	Have    int      `json:"have"`
	Need    int      `json:"need"`
	Text    string   `json:"text"` // who must sign
}

// Published is the outcome of a publish.
type Published struct {
	Version int64     `json:"version"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"` // publish again before
	Patches []string  `json:"patches"` // every patch that stores now see
	Waiting []Waiting `json:"waiting,omitempty"`
}

// Publish writes what is signed by enough keys to o.Out: payloads, roles, snapshot, roots,
// and the timestamp last, so that a store sees the old catalog or the new one, never half of
// it. What waits for signatures is left out and named. It signs snapshot, timestamp and the
// fleet's rules with the keys at hand.
func (r *Repo) Publish(ctx context.Context, o Options) (Published, error) {
	var out Published
	err := r.locked(func(b *book) error {
		if err := b.settle(); err != nil {
			return err
		}
		p, err := b.begin(o)
		if err != nil {
			return err
		}
		out, err = p.run(ctx)
		return err
	})
	return out, err
}

// publication is one run of Publish.
type publication struct {
	*book
	o      Options
	online roles.Online // what o.Out holds now
	next   roles.Online
	only   string // the one role that is given out; "" = every role
}

func (b *book) begin(o Options) (*publication, error) {
	o.Now = o.Now.UTC().Truncate(time.Second)
	if o.Now.Before(b.cfg.Issued) {
		return nil, fmt.Errorf("the clock of this machine says %s, but the last publish was at %s: set the clock first", o.Now.Format(time.RFC3339), b.cfg.Issued.Format(time.RFC3339))
	}
	p := &publication{book: b, o: o}
	return p, p.readOnline()
}

// readOnline reads the newest timestamp and snapshot of the output directory, if there are any.
func (p *publication) readOnline() error {
	root, err := os.ReadFile(p.RootFile(1))
	if err != nil {
		return err
	}
	if err := p.out().Belongs(root); err != nil {
		return err
	}
	p.online, err = roles.ReadOnline(p.out().Path("metadata/timestamp.json"), func(version int64) string { return p.out().Path(versioned(version, "snapshot")) })
	return err
}

func versioned(version int64, role string) string {
	return "metadata/" + strconv.FormatInt(version, 10) + "." + role + ".json"
}

func (p *publication) run(ctx context.Context) (Published, error) {
	if err := p.signFleet(); err != nil {
		return Published{}, err
	}
	if err := p.renewHolds(); err != nil {
		return Published{}, err
	}
	if err := p.checkLive(); err != nil {
		return Published{}, err
	}
	return p.give(ctx)
}

// give makes what is signed visible to stores.
func (p *publication) give(ctx context.Context) (Published, error) {
	var err error
	if p.next, err = p.SignOnline(roles.OnlineOptions{
		Before: p.online, Where: p.o.Out, Keys: p.o.Keys, KeyDir: p.cfg.Keys, Now: p.o.Now, Only: p.only,
		Fields: map[string]any{site.IssuedField: p.o.Now.Format(time.RFC3339)},
	}); err != nil {
		return Published{}, err
	}
	if err := p.writePayloads(ctx); err != nil {
		return Published{}, fmt.Errorf("cannot publish to %s: %w", p.o.Out, err)
	}
	if err := p.writeMetadata(); err != nil {
		return Published{}, fmt.Errorf("cannot publish to %s: %w", p.o.Out, err)
	}
	if err := p.verify(ctx); err != nil {
		return Published{}, fmt.Errorf("not published: a store would refuse it: %w", err)
	}
	return p.finish()
}

// signFleet signs the rules when they changed or half of their time is over, if a key is at hand.
func (p *publication) signFleet() error {
	wanted, _, err := p.wanted(site.FleetRole)
	if err != nil {
		return err
	}
	md := p.Signed.Roles[site.FleetRole]
	fresh := p.o.Now.Before(md.Signed.Expires.Add(-roles.Life / 2))
	if fresh && roles.SameTargets(md.Signed.Targets, wanted) {
		return nil
	}
	for _, id := range p.Signed.Quorum(site.FleetRole).Keys {
		if pending := p.Pending.Roles[site.FleetRole]; pending != nil && roles.HasSigned(pending, id) && roles.SameTargets(pending.Signed.Targets, wanted) {
			continue
		}
		if s, err := p.o.Keys.Signer(id); err != nil {
			return err
		} else if s == nil {
			continue
		}
		if _, err := p.sign(site.FleetRole, roles.Held(id, p.KeyName(id), p.o.Keys), p.o.Now, nil); err != nil {
			return err
		}
		if roles.SameTargets(p.Signed.Roles[site.FleetRole].Signed.Targets, wanted) {
			break
		}
	}
	return nil
}

// checkLive refuses to publish what has run out, naming who can renew it.
func (p *publication) checkLive() error {
	var over []error
	check := func(role string, expires time.Time) {
		if !p.o.Now.Before(expires) {
			over = append(over, fmt.Errorf("the signature of %s ended on %s: renew it with `nightfill catalog sign --key` and a key of %s", role, expires.Format(time.DateOnly), role))
		}
	}
	check("root", p.Signed.Root.Signed.Expires)
	check("targets", p.Signed.Targets.Signed.Expires)
	for _, name := range p.Signed.Delegated() {
		check(name, p.Signed.Roles[name].Signed.Expires)
	}
	return errors.Join(over...)
}

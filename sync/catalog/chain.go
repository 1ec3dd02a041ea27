package catalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
)

// maxRoots is how many new roots one refresh takes.
const maxRoots = 256

// chain is every root from the provisioned one to the newest verified one.
type chain struct {
	grow  *trustedmetadata.TrustedMetadata // verifies the next root, nothing else
	files [][]byte
	roots []*metadata.Metadata[metadata.RootType]
}

func rootName(version int64) string { return strconv.FormatInt(version, 10) + ".root.json" }

// newest is the last root of the chain.
func (c chain) newest() *metadata.Metadata[metadata.RootType] { return c.roots[len(c.roots)-1] }

// trust starts a verification that knows the n-th root of the chain, which is verified.
func (c chain) trust(n int) (*trustedmetadata.TrustedMetadata, error) {
	return trustedmetadata.New(c.files[n-1])
}

// extend verifies data as the root after the newest one.
func (c *chain) extend(data []byte) error {
	return guarded("a root", func() error {
		root, err := c.grow.UpdateRoot(data)
		if err != nil {
			return err
		}
		c.files, c.roots = append(c.files, data), append(c.roots, root)
		return nil
	})
}

// loadChain walks from the provisioned root over the stored ones. A stored root that does
// not verify ends the walk and is reported: the rest is fetched again.
func loadChain(provisioned, dir string) (c chain, damage error, err error) {
	data, err := os.ReadFile(provisioned)
	if err != nil {
		return chain{}, nil, fmt.Errorf("cannot read the provisioned root: %w", err)
	}
	err = guarded("the provisioned root", func() error {
		tm, err := trustedmetadata.New(data)
		if err != nil {
			return err
		}
		c = chain{grow: tm, files: [][]byte{data}, roots: []*metadata.Metadata[metadata.RootType]{tm.Root}}
		return nil
	})
	if err != nil {
		return chain{}, nil, fmt.Errorf("the provisioned root %s is not usable: %w; provision the store again", provisioned, err)
	}
	for {
		path := filepath.Join(dir, rootName(c.newest().Signed.Version+1))
		data, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return c, nil, nil
		}
		if err == nil {
			err = c.extend(data)
		}
		if err != nil {
			return c, fmt.Errorf("the stored root %s is damaged and is passed over: %w", path, err), nil
		}
	}
}

// fetchRoots takes the roots that are newer than the chain. Each is kept at once: a new root
// may take a key back, and that holds even when the rest of the refresh fails.
func (c *chain) fetchRoots(ctx context.Context, s *server, dir string) error {
	for range maxRoots {
		name := rootName(c.newest().Signed.Version + 1)
		data, err := s.get(ctx, maxRoot, "metadata", name)
		if errors.Is(err, errNotThere) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.extend(data); err != nil {
			return refused(fmt.Sprintf("the new root %s%s/%s is not signed by the roots before it: %v; tell headquarters", s.base, "metadata", name, err))
		}
		if err := writeFile(filepath.Join(dir, name), data); err != nil {
			return fmt.Errorf("cannot keep the new root: %w", err)
		}
	}
	return nil
}

// guarded runs a step that parses bytes from outside. A crash of the parser is an error like any other.
func guarded(what string, step func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s cannot be read: the parser broke on it (%v)", what, r)
		}
	}()
	return step()
}

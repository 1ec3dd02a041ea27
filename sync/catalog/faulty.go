package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
)

// ErrRoot is what errors.Is finds when the root that was given is none.
var ErrRoot = errors.New("not the root of a catalog")

// usable asks whether a root can be begun with.
func usable(root []byte) error {
	err := guarded("the root", func() error { _, err := trustedmetadata.New(root); return err })
	if err != nil {
		return fmt.Errorf("%w, but empty, damaged or something else (%v); give the root.json that `nightfill catalog publish` wrote", ErrRoot, err)
	}
	return nil
}

// fault is what is wrong with one file of a catalog. errors.Is finds what the verification said.
type fault struct {
	file string // below the address of the catalog
	err  error
}

func (f *fault) Error() string { return f.file + " " + inWords(f.err) }

func (f *fault) Unwrap() error { return f.err }

// faulty says of which file of the catalog an error is. nil stays nil, and that a signature has run out is said already.
func faulty(file string, err error) error {
	if err == nil || errors.Is(err, &metadata.ErrExpiredMetadata{}) {
		return err
	}
	return &fault{file, err}
}

// inWords says what is wrong with a file, after its name. What the verification said in its own words follows where it
// tells more.
func inWords(err error) string {
	var (
		syntax *json.SyntaxError
		typed  *json.UnmarshalTypeError
	)
	switch {
	case errors.Is(err, &metadata.ErrLengthOrHashMismatch{}):
		return "is not the file that was signed: it is damaged, cut off or another one"
	case errors.Is(err, &metadata.ErrUnsignedMetadata{}):
		return fmt.Sprintf("is not signed by the keys that this store trusts: it was changed, or it is of another catalog (%v)", err)
	case errors.Is(err, &metadata.ErrBadVersionNumber{}):
		return fmt.Sprintf("is older than what this store has seen (%v)", err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &syntax), errors.As(err, &typed), strings.Contains(err.Error(), "unexpected end of JSON input"):
		return fmt.Sprintf("is no file of a catalog: it is empty, cut off or something else (%v)", err)
	}
	return fmt.Sprintf("is not good: %v", err)
}

// advice is what to do when the catalog is not where it is looked for.
func (s *server) advice() string {
	if strings.HasPrefix(s.base, "file:") {
		return "name the folder that `nightfill catalog publish` wrote"
	}
	return "check catalog.url: it is the address of the folder that `nightfill catalog publish` wrote"
}

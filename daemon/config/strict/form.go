package strict

import (
	"fmt"
	"os"
	"path/filepath"
)

// Load reads a file of this form, unless it is too large to be one.
func (f Form) Load(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read the %s: %w", f.what, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("cannot read the %s: %s is not a file", f.what, path)
	case info.Size() > maxSize:
		return nil, f.tooLarge(path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the %s: %w", f.what, err)
	}
	return data, nil
}

func (f Form) tooLarge(name string) Problems {
	return Problems{{File: name, Line: 1, Column: 1, Wrong: "is larger than 1 MiB, which is no " + f.what, Instead: "check the name of the file"}}
}

// maxSize is the largest store file that is read, in bytes: a thousand devices need a quarter of it.
const maxSize = 1 << 20

// Form is what tells one kind of file from another.
type Form struct {
	what  string // its name in a sentence
	least string // what to write into an empty one
}

// NewForm makes a form.
func NewForm(what, least string) Form { return Form{what, least} }

// Open reads data as one document of this form. name is the path that problems name and that relative paths are relative to.
func (f Form) Open(name string, data []byte) (*Reader, Value, error) {
	if len(data) > maxSize {
		return nil, Value{}, f.tooLarge(name)
	}
	r := &Reader{Form: f, file: name, dir: filepath.Dir(name), Places: Placed{}}
	root, _ := r.document(data)
	return r, root, r.Fault()
}

// Placed says where the keys stand that name files.
type Placed map[string]Place

// Stands says that the file which key names is named where v stands.
func (r *Reader) Stands(key string, v Value) { r.Places[key] = v.KeyAt }

// Fault is everything that is wrong, a Problems in the order of the file; nil = nothing is.
func (r *Reader) Fault() error {
	if len(r.problems) == 0 {
		return nil
	}
	return r.problems.sorted()
}

// Doubts is everything that is probably not what was wanted, in the order of the file.
func (r *Reader) Doubts() Problems { return r.warnings.sorted() }

package fakessh

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Package is what goes into a .deb.
type Package struct {
	Name     string
	Version  string
	Files    map[string]string // absolute path -> content; mode 0755 under bin and sbin, else 0644
	Preinst  string            // maintainer scripts: shell text, run with NIGHTFILL_ROOT and DPKG_ROOT set
	Postinst string
	Prerm    string
	Postrm   string
	Depends  string
}

// epoch is the time of every file in a package: the same Package gives the same bytes.
var epoch = time.Unix(1_700_000_000, 0)

// BuildDeb writes a Debian package that the real dpkg installs. The same Package gives the same bytes.
func BuildDeb(w io.Writer, p Package) error {
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: Nightfill <nightfill@example.com>\n", p.Name, p.Version)
	if p.Depends != "" {
		control += "Depends: " + p.Depends + "\n"
	}
	control += "Description: made for a simulated device\n"
	meta := map[string]string{"/control": control}
	for name, text := range map[string]string{"preinst": p.Preinst, "postinst": p.Postinst, "prerm": p.Prerm, "postrm": p.Postrm} {
		if text != "" {
			meta["/"+name] = "#!/bin/sh\n" + text + "\n"
		}
	}
	controlTar, err := tarball(meta, func(name string) int64 {
		if name == "/control" {
			return 0o644
		}
		return 0o755
	})
	if err != nil {
		return fmt.Errorf("cannot build %s: %w", p.Name, err)
	}
	dataTar, err := tarball(p.Files, func(name string) int64 {
		if dir := path.Base(path.Dir(name)); dir == "bin" || dir == "sbin" || dir == "init.d" {
			return 0o755
		}
		return 0o644
	})
	if err != nil {
		return fmt.Errorf("cannot build %s: %w", p.Name, err)
	}
	var out bytes.Buffer
	out.WriteString("!<arch>\n")
	for _, m := range []struct {
		name string
		data []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.gz", controlTar}, {"data.tar.gz", dataTar}} {
		fmt.Fprintf(&out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, epoch.Unix(), 0, 0, "100644", len(m.data))
		out.Write(m.data)
		if len(m.data)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	_, err = w.Write(out.Bytes())
	return err
}

// tarball packs files, with the directories above them, in the order of their names.
func tarball(files map[string]string, mode func(name string) int64) ([]byte, error) {
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	out := tar.NewWriter(zip)
	dirs := map[string]bool{"/": true}
	header := tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: epoch, Uname: "root", Gname: "root"}
	if err := out.WriteHeader(&header); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasPrefix(name, "/") || path.Clean(name) != name {
			return nil, fmt.Errorf("%q is not a clean absolute path", name)
		}
		for _, d := range above(name) {
			if dirs[d] {
				continue
			}
			dirs[d] = true
			header.Name = "." + d + "/"
			if err := out.WriteHeader(&header); err != nil {
				return nil, err
			}
		}
		file := tar.Header{Name: "." + name, Typeflag: tar.TypeReg, Mode: mode(name), Size: int64(len(files[name])), ModTime: epoch, Uname: "root", Gname: "root"}
		if err := out.WriteHeader(&file); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(out, files[name]); err != nil {
			return nil, err
		}
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// above lists the directories above a path, the topmost first, without the root.
func above(name string) []string {
	var list []string
	for d := path.Dir(name); d != "/"; d = path.Dir(d) {
		list = append(list, d)
	}
	slices.Reverse(list)
	return list
}

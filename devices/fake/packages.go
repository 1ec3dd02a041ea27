package fake

import (
	"strings"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// change is a package and the version to which a patch brings it.
type change struct{ name, version string }

// packagesOf says what a patch does to packages: Applies.Package goes to
// Applies.Below, and a deb whose file name says name_version_arch.deb goes to that.
// A patch without either changes no package.
func packagesOf(p site.Patch) []change {
	var list []change
	if p.Applies.Package != "" && p.Applies.Below != "" {
		list = append(list, change{p.Applies.Package, p.Applies.Below})
	}
	if p.Install.Kind != site.InstallDeb {
		return list
	}
	for _, a := range p.Artifacts {
		parts := strings.Split(strings.TrimSuffix(a.Name, ".deb"), "_")
		if len(parts) == 3 && parts[0] != p.Applies.Package {
			list = append(list, change{parts[0], parts[1]})
		}
	}
	return list
}

// remember keeps what was there before a patch. What an earlier, unfinished
// attempt at the same patch remembered is kept.
func (m *machine) remember(p site.Patch) {
	_, on := m.applied[p.ID]
	if _, known := m.priors[p.ID]; known && (on || m.anyBroken(p)) {
		return
	}
	var list []prior
	for _, c := range packagesOf(p) {
		version, installed := m.packages[c.name]
		list = append(list, prior{c.name, version, installed, m.broken[c.name]})
	}
	m.priors[p.ID], m.ailing[p.ID] = list, m.ailments(p)
}

func (m *machine) anyBroken(p site.Patch) bool {
	for _, c := range packagesOf(p) {
		if m.broken[c.name] {
			return true
		}
	}
	return m.broken[p.ID]
}

// apply puts a patch on.
func (m *machine) apply(p site.Patch) {
	for _, c := range packagesOf(p) {
		m.packages[c.name] = c.version
		delete(m.broken, c.name)
	}
	delete(m.broken, p.ID)
	m.applied[p.ID] = policy.Digest(p)
	for _, name := range servicesOf(p) {
		m.services[name] = true
	}
	m.heal(p.ID)
	delete(m.dying, p.ID)
}

// restore takes a patch off: what was there before it is there again, and its services run.
func (m *machine) restore(p site.Patch) {
	for _, was := range m.priors[p.ID] {
		delete(m.packages, was.name)
		delete(m.broken, was.name)
		if was.installed {
			m.packages[was.name] = was.version
		}
		if was.broken {
			m.broken[was.name] = true
		}
	}
	delete(m.broken, p.ID)
	delete(m.applied, p.ID)
	delete(m.priors, p.ID)
	m.heal(p.ID)
	delete(m.dying, p.ID)
}

// breakUp leaves the packages of a patch half-configured. A patch without
// packages is listed as broken under its own id.
func (m *machine) breakUp(p site.Patch) {
	changes := packagesOf(p)
	for _, c := range changes {
		delete(m.packages, c.name)
		m.broken[c.name] = true
	}
	if len(changes) == 0 {
		m.broken[p.ID] = true
	}
	delete(m.applied, p.ID)
}

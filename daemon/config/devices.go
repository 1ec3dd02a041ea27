package config

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/site"
)

// groups reads all groups; what depends on the devices is checked by settleGroups.
func (f *file) groups(v value) {
	entries, ok := f.mapping(v)
	if !ok {
		return
	}
	for _, e := range entries {
		if f.safe(e.value, e.name) {
			f.groupAt[e.name] = e.value
			f.groupNames = append(f.groupNames, e.name)
		}
	}
	for _, e := range entries {
		if _, ok := f.groupAt[e.name]; !ok {
			continue
		}
		g := site.Group{ID: e.name}
		if _, bare := e.value.node.(*ast.NullNode); !bare {
			f.object(e.value,
				may("min_up", func(v value) { g.MinUp, _ = f.number(v, 0); f.minUpAt[g.ID] = v }),
				may("max_down", func(v value) { g.MaxDown = f.limit(v) }),
				may("canary", f.flag(&g.Canary)),
				may("before", func(v value) { g.Before = f.references(v, "group", f.groupNames) }))
		}
		f.Config.Store.Groups = append(f.Config.Store.Groups, g)
	}
	f.circles()
}

// limit reads a number of devices or a share of a group.
func (f *file) limit(v value) site.Limit {
	s, ok := f.raw(v)
	if !ok {
		return site.Limit{}
	}
	var l site.Limit
	if err := l.UnmarshalText([]byte(s)); err != nil {
		f.fail(v, quote(s)+" is not a limit", "write a number of devices like 2, or a share like 50%")
	}
	return l
}

// references reads a list of names that must be known, each at most once.
func (f *file) references(v value, what string, known []string) []string {
	var names []string
	f.each(v, func(v value) {
		s, ok := f.text(v)
		switch {
		case !ok:
		case !slices.Contains(known, s):
			f.unknown(v, s, what, known)
		case slices.Contains(names, s):
			f.fail(v, quote(s)+" is there twice", "remove one of them")
		default:
			names = append(names, s)
		}
	})
	return names
}

func (f *file) unknown(v value, s, what string, known []string) {
	advice := didYouMean(s, known)
	if advice == "" {
		advice = "the file has no " + what + ": add one with this name, or remove it here"
	}
	f.fail(v, fmt.Sprintf("there is no %s %s", what, quote(s)), advice)
}

// circles refuses groups that wait for each other: the night would never begin.
func (f *file) circles() {
	var way []string
	done := map[string]bool{}
	var visit func(id string)
	visit = func(id string) {
		if at := slices.Index(way, id); at >= 0 {
			round := append(slices.Clone(way[at:]), id)
			f.fail(f.groupAt[round[0]], "the order of groups is a circle: "+strings.Join(round, " before "), "remove one `before` of them")
			return
		}
		if done[id] {
			return
		}
		done[id] = true
		way = append(way, id)
		g, _ := f.Config.Store.Group(id)
		for _, next := range g.Before {
			visit(next)
		}
		way = way[:len(way)-1]
	}
	for _, id := range f.groupNames {
		visit(id)
	}
}

// devices reads all devices.
func (f *file) devices(v value) {
	f.each(v, func(v value) {
		d := site.Device{}
		var address, user, key value
		f.object(v,
			need("id", "srv-1", func(v value) { d.ID = f.deviceID(v) }),
			need("class", "linux-server", func(v value) { d.Class = f.class(v) }),
			may("model", func(v value) { d.Model, _ = f.name(v) }),
			may("address", func(v value) { address = v }),
			may("user", func(v value) { user = v; f.into(&d.User)(v) }),
			may("host_key", func(v value) { key = v }),
			may("groups", func(v value) { d.Groups = f.references(v, "group", f.groupNames) }),
			may("capabilities", func(v value) { d.Capabilities = f.names(v) }),
			may("role", func(v value) {
				role, _ := f.choice(v, string(site.Primary), string(site.Secondary))
				d.Role, f.roleAt[d.ID] = site.Role(role), v
			}),
			may("asset", func(v value) { d.Asset = f.asset(v) }))
		f.login(v, &d, address, user, key)
		f.Config.Store.Devices = append(f.Config.Store.Devices, d)
	})
}

// asset reads what an inventory says of a device.
func (f *file) asset(v value) *site.Asset {
	a := &site.Asset{}
	f.object(v,
		may("id", f.into(&a.ID)),
		may("make", f.into(&a.Make)),
		may("serial", f.into(&a.Serial)),
		may("location", f.into(&a.Location)),
		may("function", f.into(&a.Function)),
		may("owner", f.into(&a.Owner)),
		may("pci_scope", func(v value) {
			var all []string
			for _, s := range site.Scopes() {
				all = append(all, string(s))
			}
			scope, _ := f.choice(v, all...)
			a.Scope = site.Scope(scope)
		}),
		may("support_ends", func(v value) { a.Support = f.date(v) }))
	return a
}

func (f *file) deviceID(v value) string {
	id, ok := f.name(v)
	switch {
	case !ok:
		return ""
	case id == site.AllDevices:
		f.fail(v, quote(id)+" means every device in commands", "write another id")
	case f.deviceAt[id] != (place{}):
		f.fail(v, fmt.Sprintf("%s is used twice, the first time in line %d", quote(id), f.deviceAt[id].line), "write another id")
	default:
		f.deviceAt[id] = v.at
		f.deviceIDs = append(f.deviceIDs, id)
	}
	return id
}

func (f *file) class(v value) site.Class {
	s, _ := f.choice(v, string(site.LinuxServer), string(site.WindowsServer), string(site.Handheld), string(site.Observe))
	return site.Class(s)
}

// names reads a list of new names, each at most once.
func (f *file) names(v value) []string {
	var names []string
	f.each(v, func(v value) {
		s, ok := f.name(v)
		switch {
		case !ok:
		case slices.Contains(names, s):
			f.fail(v, quote(s)+" is there twice", "remove one of them")
		default:
			names = append(names, s)
		}
	})
	return names
}

// login reads how a device is reached, which depends on its class. A value whose node is nil is not in the file.
func (f *file) login(v value, d *site.Device, address, user, key value) {
	server := d.Class == site.LinuxServer || d.Class == site.WindowsServer
	switch {
	case address.node != nil && server:
		d.Address, _ = f.address(address, f.SSHPort)
		f.sameAddress(address, d.Address)
	case address.node != nil:
		d.Address = f.hostOnly(address)
	case server:
		f.fail(v, "has no address, and a "+string(d.Class)+" is reached over SSH", `write address: "10.77.0.11:`+f.SSHPort+`"`)
	}
	if server && user.node == nil {
		f.fail(v, "has no user, and a "+string(d.Class)+" is reached over SSH", "write user: the login that Nightfill uses there")
	}
	if d.Class == site.Observe {
		for _, extra := range []value{user, key} {
			if extra.node != nil {
				f.fail(extra, "is not for the class observe, which is never logged in to", "remove it, or write another class")
			}
		}
		return
	}
	if key.node != nil {
		d.HostKey = f.hostKey(key, d.ID)
	}
}

// sameAddress refuses two servers that are one: both would be restarted as if the other stayed up.
func (f *file) sameAddress(v value, address string) {
	if address == "" {
		return
	}
	if at, taken := f.addressAt[address]; taken {
		f.fail(v, fmt.Sprintf("%s is the address of another device, in line %d", quote(address), at.line), "write one device for each machine")
		return
	}
	f.addressAt[address] = v.at
}

// hostOnly reads an address that needs no port.
func (f *file) hostOnly(v value) string {
	s, ok := f.text(v)
	if !ok {
		return ""
	}
	if _, _, err := net.SplitHostPort(s); err == nil {
		s, _ = f.address(v, "")
		return s
	}
	if !isHost(s) {
		f.fail(v, quote(s)+" is not an address", "write a name or an IP address like 10.77.0.60")
	}
	return s
}

// hostKey reads a pinned key. What ends in ... was copied from an example: such a device is not enrolled.
func (f *file) hostKey(v value, id string) string {
	s, ok := f.text(v)
	if !ok {
		return ""
	}
	how := "run `nightfill enrol " + orElse(id, "ID") + "` on the box, compare the fingerprint on the device and write the line that it prints"
	if strings.HasSuffix(s, "...") {
		f.warn(v, quote(s)+" stands for a key but is none: the device counts as not enrolled and is never logged in to", how)
		return ""
	}
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(s))
	switch {
	case err != nil || len(options) > 0 || len(rest) > 0:
		f.fail(v, quote(s)+" is not an SSH public key", how)
	case key.Type() == "ssh-dss":
		f.fail(v, "is a DSA key, which proves nothing any more", "make an ed25519 host key on the device (ssh-keygen -A), then "+how)
	default:
		return s
	}
	return ""
}

// settleGroups checks what needs both the groups and the devices.
func (f *file) settleGroups() {
	size := map[string]int{}
	for _, d := range f.Config.Store.Devices {
		for _, g := range d.Groups {
			size[g]++
		}
	}
	f.settleRoles()
	for _, g := range f.Config.Store.Groups {
		if n := size[g.ID]; g.MinUp > 0 && n > 0 && g.MinUp >= n {
			f.warn(f.minUpAt[g.ID], fmt.Sprintf("no device of %s could ever be patched: %d must stay up and it has %d", g.ID, g.MinUp, n),
				fmt.Sprintf("write %d or less, or add devices", n-1))
		}
	}
}

// settleRoles warns of half a pair: its role would promise an order that nobody keeps.
func (f *file) settleRoles() {
	devices := f.Config.Store.Devices
	for _, d := range devices {
		if d.Role == "" {
			continue
		}
		paired := slices.ContainsFunc(devices, func(other site.Device) bool {
			return d.Role.Partners(other.Role) && slices.ContainsFunc(d.Groups, func(g string) bool { return slices.Contains(other.Groups, g) })
		})
		if !paired {
			missing := map[site.Role]site.Role{site.Primary: site.Secondary, site.Secondary: site.Primary}[d.Role]
			f.warn(f.roleAt[d.ID], fmt.Sprintf("none of its groups has a %s, so %s means nothing", missing, d.Role),
				"give the other half of the pair its role, or remove it here")
		}
	}
}

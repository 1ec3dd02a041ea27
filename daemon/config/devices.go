package config

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/daemon/config/calendar"
	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/site"
)

// groups reads all groups; what depends on the devices is checked by settleGroups.
func (f *file) groups(v strict.Value) {
	entries, ok := f.Mapping(v)
	if !ok {
		return
	}
	for _, e := range entries {
		if f.Safe(e.Value, e.Name) {
			f.groupAt[e.Name] = e.Value
			f.groupNames = append(f.groupNames, e.Name)
		}
	}
	for _, e := range entries {
		if _, ok := f.groupAt[e.Name]; !ok {
			continue
		}
		g := site.Group{ID: e.Name}
		if _, bare := e.Value.Node.(*ast.NullNode); !bare {
			f.Object(e.Value,
				strict.May("min_up", func(v strict.Value) { g.MinUp, _ = f.Number(v, 0); f.minUpAt[g.ID] = v }),
				strict.May("max_down", func(v strict.Value) { g.MaxDown = f.limit(v) }),
				strict.May("canary", f.Flag(&g.Canary)),
				strict.May("before", func(v strict.Value) { g.Before = f.references(v, "group", f.groupNames) }))
		}
		f.Config.Store.Groups = append(f.Config.Store.Groups, g)
	}
	f.circles()
}

// limit reads a number of devices or a share of a group.
func (f *file) limit(v strict.Value) site.Limit {
	s, ok := f.Raw(v)
	if !ok {
		return site.Limit{}
	}
	var l site.Limit
	if err := l.UnmarshalText([]byte(s)); err != nil {
		f.Fail(v, strict.Quote(s)+" is not a limit", "write a number of devices like 2, or a share like 50%")
	}
	return l
}

// references reads a list of names that must be known, each at most once.
func (f *file) references(v strict.Value, what string, known []string) []string {
	var names []string
	f.Each(v, func(v strict.Value) {
		s, ok := f.Text(v)
		switch {
		case !ok:
		case !slices.Contains(known, s):
			f.unknown(v, s, what, known)
		case slices.Contains(names, s):
			f.Fail(v, strict.Quote(s)+" is there twice", "remove one of them")
		default:
			names = append(names, s)
		}
	})
	return names
}

func (f *file) unknown(v strict.Value, s, what string, known []string) {
	advice := strict.DidYouMean(s, known)
	if advice == "" {
		advice = "the file has no " + what + ": add one with this name, or remove it here"
	}
	f.Fail(v, fmt.Sprintf("there is no %s %s", what, strict.Quote(s)), advice)
}

// circles refuses groups that wait for each other: the night would never begin.
func (f *file) circles() {
	var way []string
	done := map[string]bool{}
	var visit func(id string)
	visit = func(id string) {
		if at := slices.Index(way, id); at >= 0 {
			round := append(slices.Clone(way[at:]), id)
			f.Fail(f.groupAt[round[0]], "the order of groups is a circle: "+strings.Join(round, " before "), "remove one `before` of them")
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
func (f *file) devices(v strict.Value) {
	f.Each(v, func(v strict.Value) {
		d := site.Device{}
		var address, user, key strict.Value
		f.Object(v,
			strict.Need("id", "srv-1", func(v strict.Value) { d.ID = f.deviceID(v) }),
			strict.Need("class", "linux-server", func(v strict.Value) { d.Class = f.class(v) }),
			strict.May("model", func(v strict.Value) { d.Model, _ = f.Name(v) }),
			strict.May("address", func(v strict.Value) { address = v }),
			strict.May("user", func(v strict.Value) { user = v; f.Into(&d.User)(v) }),
			strict.May("host_key", func(v strict.Value) { key = v }),
			strict.May("groups", func(v strict.Value) { d.Groups = f.references(v, "group", f.groupNames) }),
			strict.May("capabilities", func(v strict.Value) { d.Capabilities = f.names(v) }),
			strict.May("role", func(v strict.Value) {
				role, _ := f.Choice(v, string(site.Primary), string(site.Secondary))
				d.Role, f.roleAt[d.ID] = site.Role(role), v
			}),
			strict.May("asset", func(v strict.Value) { d.Asset = f.asset(v) }))
		f.login(v, &d, address, user, key)
		f.Config.Store.Devices = append(f.Config.Store.Devices, d)
	})
}

// asset reads what an inventory says of a device.
func (f *file) asset(v strict.Value) *site.Asset {
	a := &site.Asset{}
	f.Object(v,
		strict.May("id", f.Into(&a.ID)),
		strict.May("make", f.Into(&a.Make)),
		strict.May("serial", f.Into(&a.Serial)),
		strict.May("location", f.Into(&a.Location)),
		strict.May("function", f.Into(&a.Function)),
		strict.May("owner", f.Into(&a.Owner)),
		strict.May("pci_scope", func(v strict.Value) {
			var all []string
			for _, s := range site.Scopes() {
				all = append(all, string(s))
			}
			scope, _ := f.Choice(v, all...)
			a.Scope = site.Scope(scope)
		}),
		strict.May("support_ends", func(v strict.Value) { a.Support = calendar.Date(f.Reader, v) }))
	return a
}

func (f *file) deviceID(v strict.Value) string {
	id, ok := f.Name(v)
	switch {
	case !ok:
		return ""
	case id == site.AllDevices:
		f.Fail(v, strict.Quote(id)+" means every device in commands", "write another id")
	case f.deviceAt[id] != (strict.Place{}):
		f.Fail(v, fmt.Sprintf("%s is used twice, the first time in line %d", strict.Quote(id), f.deviceAt[id].Line), "write another id")
	default:
		f.deviceAt[id] = v.At
		f.deviceIDs = append(f.deviceIDs, id)
	}
	return id
}

func (f *file) class(v strict.Value) site.Class {
	s, _ := f.Choice(v, string(site.LinuxServer), string(site.WindowsServer), string(site.Handheld), string(site.Observe))
	return site.Class(s)
}

// names reads a list of new names, each at most once.
func (f *file) names(v strict.Value) []string {
	var names []string
	f.Each(v, func(v strict.Value) {
		s, ok := f.Name(v)
		switch {
		case !ok:
		case slices.Contains(names, s):
			f.Fail(v, strict.Quote(s)+" is there twice", "remove one of them")
		default:
			names = append(names, s)
		}
	})
	return names
}

// login reads how a device is reached, which depends on its class. A value whose node is nil is not in the file.
func (f *file) login(v strict.Value, d *site.Device, address, user, key strict.Value) {
	server := d.Class == site.LinuxServer || d.Class == site.WindowsServer
	switch {
	case address.Node != nil && server:
		d.Address, _ = f.HostPort(address, f.SSHPort)
		f.sameAddress(address, d.Address)
	case address.Node != nil:
		d.Address = f.hostOnly(address)
	case server:
		f.Fail(v, "has no address, and a "+string(d.Class)+" is reached over SSH", `write address: "10.77.0.11:`+f.SSHPort+`"`)
	}
	if server && user.Node == nil {
		f.Fail(v, "has no user, and a "+string(d.Class)+" is reached over SSH", "write user: the login that Nightfill uses there")
	}
	if d.Class == site.Observe {
		for _, extra := range []strict.Value{user, key} {
			if extra.Node != nil {
				f.Fail(extra, "is not for the class observe, which is never logged in to", "remove it, or write another class")
			}
		}
		return
	}
	if key.Node != nil {
		d.HostKey = f.hostKey(key, d.ID)
	}
}

// sameAddress refuses two servers that are one: both would be restarted as if the other stayed up.
func (f *file) sameAddress(v strict.Value, address string) {
	if address == "" {
		return
	}
	if at, taken := f.addressAt[address]; taken {
		f.Fail(v, fmt.Sprintf("%s is the address of another device, in line %d", strict.Quote(address), at.Line), "write one device for each machine")
		return
	}
	f.addressAt[address] = v.At
}

// hostOnly reads an address that needs no port.
func (f *file) hostOnly(v strict.Value) string {
	s, ok := f.Text(v)
	if !ok {
		return ""
	}
	if _, _, err := net.SplitHostPort(s); err == nil {
		s, _ = f.HostPort(v, "")
		return s
	}
	if !strict.IsHost(s) {
		f.Fail(v, strict.Quote(s)+" is not an address", "write a name or an IP address like 10.77.0.60")
	}
	return s
}

// hostKey reads a pinned key. What ends in ... was copied from an example: such a device is not enrolled.
func (f *file) hostKey(v strict.Value, id string) string {
	s, ok := f.Text(v)
	if !ok {
		return ""
	}
	how := "run `nightfill enrol " + cmp.Or(id, "ID") + "` on the box, compare the fingerprint on the device and write the line that it prints"
	if strings.HasSuffix(s, "...") {
		f.Warn(v, strict.Quote(s)+" stands for a key but is none: the device counts as not enrolled and is never logged in to", how)
		return ""
	}
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(s))
	switch {
	case err != nil || len(options) > 0 || len(rest) > 0:
		f.Fail(v, strict.Quote(s)+" is not an SSH public key", how)
	case key.Type() == "ssh-dss":
		f.Fail(v, "is a DSA key, which proves nothing any more", "make an ed25519 host key on the device (ssh-keygen -A), then "+how)
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
			f.Warn(f.minUpAt[g.ID], fmt.Sprintf("no device of %s could ever be patched: %d must stay up and it has %d", g.ID, g.MinUp, n),
				strings.Replace(fmt.Sprintf("write %d or less, or add devices", n-1), "0 or less", "0", 1))
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
			f.Warn(f.roleAt[d.ID], fmt.Sprintf("none of its groups has a %s, so %s means nothing", missing, d.Role),
				"give the other half of the pair its role, or remove it here")
		}
	}
}

package site

// UserRole is what a person may do at the technician's console.
type UserRole string

// The roles, from the least to the most.
const (
	UserViewer UserRole = "viewer" // looks
	UserTech   UserRole = "tech"   // acts on devices, but for severe actions
	UserAdmin  UserRole = "admin"  // does everything, and looks after the accounts
)

// UserRoles returns every role, from the least to the most.
func UserRoles() []UserRole { return []UserRole{UserViewer, UserTech, UserAdmin} }

// UserManager is a role at headquarters, between viewer and admin: it acts on what needs somebody,
// and asks for exceptions.
const UserManager UserRole = "manager"

// HeadquartersRoles returns every role at headquarters, from the least to the most.
func HeadquartersRoles() []UserRole { return []UserRole{UserViewer, UserManager, UserAdmin} }

// Known reports whether r is one of UserRoles.
func (r UserRole) Known() bool { return r == UserViewer || r == UserTech || r == UserAdmin }

// Tier is how much an action at the console can do to a store.
type Tier string

// The tiers of actions.
const (
	TierLook     Tier = "look"     // changes nothing
	TierMild     Tier = "mild"     // changes no device: check now, acknowledge
	TierModerate Tier = "moderate" // changes one device, or what happens to it tonight
	TierSevere   Tier = "severe"   // can take from a store what it sells with
	TierUsers    Tier = "users"    // the accounts of the console
)

// May reports whether a person of this role may do what is of the tier. An unknown role or tier may not.
func (r UserRole) May(t Tier) bool {
	switch t {
	case TierLook:
		return r.Known()
	case TierMild, TierModerate:
		return r == UserTech || r == UserAdmin
	case TierSevere, TierUsers:
		return r == UserAdmin
	}
	return false
}

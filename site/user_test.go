package site_test

import (
	"testing"

	"github.com/nightfill/nightfill/site"
)

func TestUsersMay(t *testing.T) {
	tiers := []site.Tier{site.TierLook, site.TierMild, site.TierModerate, site.TierSevere, site.TierUsers, "other"}
	want := map[site.UserRole][]bool{
		site.UserViewer: {true, false, false, false, false, false},
		site.UserTech:   {true, true, true, false, false, false},
		site.UserAdmin:  {true, true, true, true, true, false},
		"":              {false, false, false, false, false, false},
		"root":          {false, false, false, false, false, false},
	}
	for role, may := range want {
		for i, tier := range tiers {
			if got := role.May(tier); got != may[i] {
				t.Errorf("%q may do what is %s: %v, want %v", role, tier, got, may[i])
			}
		}
	}
	for _, role := range site.UserRoles() {
		if !role.Known() {
			t.Errorf("%s is not known", role)
		}
	}
}

package storecmd_test

import (
	"os/user"
	"regexp"
)

// me is the login name of whoever runs the tests.
func me() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return regexp.QuoteMeta(u.Username)
}

package accounts

import (
	_ "embed" // the commonest passwords
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of a password. PCI DSS 8.3.6 asks for 12 characters.
const (
	minPassword = 12  // characters
	maxPassword = 256 // bytes
	minDistinct = 5   // different characters
)

// common holds the commonest passwords, a line each, in lower case, without what is put around them.
//
//go:embed common.txt
var common string

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}$`)

// canonical is a name as a person may type it: names have no capitals.
func canonical(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// checkName refuses what cannot be the name of an account.
func checkName(name string) error {
	if !namePattern.MatchString(name) {
		return refuse(BadName, "write 1 to 32 lower-case letters, digits, dots, underscores and hyphens, a letter or digit first", "%q cannot be the name of an account", name)
	}
	return nil
}

// CheckPassword refuses a password that is too easy to guess. The error never repeats it.
func CheckPassword(name, password string) error {
	folded := strings.ToLower(password)
	bare := strings.TrimFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) })
	listed := func(word string) bool { return word != "" && slices.Contains(strings.Fields(common), word) }
	long := "take three words that have nothing to do with each other"
	switch {
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		return refuse(Weak, "use letters, digits, spaces and marks", "the password holds something that is no character")
	case utf8.RuneCountInString(password) < minPassword:
		return refuse(Weak, long, "the password has %d characters and needs at least %d", utf8.RuneCountInString(password), minPassword)
	case len(password) > maxPassword:
		return refuse(Weak, "take a shorter one", "the password has %d bytes and may have %d", len(password), maxPassword)
	case strings.Contains(folded, name) && len(name) > 2:
		return refuse(Weak, long, "the password contains the name of the account")
	case listed(folded), listed(bare):
		return refuse(Weak, long, "the password is one of the commonest")
	case distinct(folded) < minDistinct:
		return refuse(Weak, long, "the password has fewer than %d different characters", minDistinct)
	case slices.Contains([]string{"1234567890", "0987654321"}, folded[:10]) && bare == "":
		return refuse(Weak, long, "the password is one of the commonest")
	}
	return nil
}

func distinct(s string) int {
	runes := []rune(s)
	slices.Sort(runes)
	return len(slices.Compact(runes))
}

package accounts

import "encoding/base64"

// Secrets are everything in the file of the accounts that nobody may see, to be looked for in what leaves the
// box. Passwords are not among them: only their hashes are known.
func (a *Accounts) Secrets() []string {
	known := a.snapshot()
	all := []string{base64.StdEncoding.EncodeToString(known.Signer)}
	for _, r := range known.Accounts {
		all = append(all, r.Password, r.TOTP)
	}
	return all
}

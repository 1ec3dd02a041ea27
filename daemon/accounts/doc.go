// Package accounts keeps the local accounts of the technician's console: who may log in, with
// which password, in which role. It needs no network, so that a technician gets in with the WAN down.
//
// # Attacks that it is made for
//
// A hostile device on the store LAN guesses passwords. Ten failures from one address, whatever the
// names, lock that address for half an hour, and each failure before makes the next attempt wait
// longer; other addresses notice nothing. So one device cannot lock out a technician.
//
// Many hostile devices guess together. Thirty failures for one account from all addresses lock that
// account for half an hour, but only where it is not known: a browser in which the account logged in
// before holds a signed token, is counted by itself and still gets in. At worst a guesser has
// thirty guesses for an account in half an hour. Whoever can open the control socket of the box
// needs no password at all.
//
// A guesser learns no names: an unknown name costs the same hash and is locked by the same rules.
// It cannot fill the memory (one hash at a time, tables of limited size) nor the journal (failures
// are summed up, at most one record a minute).
//
// # Time
//
// Every time that is handed in must come from time.Now. Limits and sessions count the time that
// really passed, so a jump of the wall clock neither locks nor unlocks. Only codes of an
// authenticator app need the right time of day. Locks and sessions are in memory: a restart of the
// daemon ends both, and counting begins anew.
package accounts

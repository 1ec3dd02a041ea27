// Package signin lets people and scripts into headquarters: the pages of the login, who a request
// comes from, and the headers that every answer has. Handler stands before all pages; what is behind it
// asks Who.
//
// It keeps no account and no session: Accounts does. A request comes from a session cookie, from a
// token in the header Authorization, or, where the login is off, from anybody. A page of another site
// cannot act for a person: what changes something is refused when the browser says that it comes from
// elsewhere.
package signin

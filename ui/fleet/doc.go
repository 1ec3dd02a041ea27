// Package fleet serves the pages of headquarters and the same data as JSON below /api/v1: which
// stores open ready, how the night goes, what breaks, and what needs a person. Every number on a
// page is a link to the list that it counts.
//
// It decides nothing: package site/board/overview does, from the board that a Source shows it. It
// keeps nothing but the overview of the last second; what people say goes to the Register. Every
// page works without JavaScript; with it, numbers follow the board through /events.
//
// Package page has what all pages have in common. A page of a subject is one file of Go and one template in page/html.
package fleet

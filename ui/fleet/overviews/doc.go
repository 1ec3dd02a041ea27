// Package overviews makes the overview that all pages of a second share, from the board and from what people said, and
// remembers it for that second. What an overview says is decided by site/board/overview.
package overviews

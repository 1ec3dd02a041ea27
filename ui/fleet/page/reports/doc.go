// Package reports shows what was: how stores opened, how nights went, by date, by store and by device, and what stands in the
// stores; as pages, as data and as files. It counts nothing itself: the packages below site/board do.
package reports

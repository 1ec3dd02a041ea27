// Package compliance shows how far the devices have their patches: counted, row by row, day by day and for one patch with its
// clocks; as pages, as data, and as the files that auditors take away. What counts is decided by site/board/comply.
package compliance

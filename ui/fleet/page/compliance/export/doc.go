// Package export writes what compliance says as files for auditors: one row for each patch on each device, with the record
// that proves it, as CSV or as JSON lines. The same rows give the same bytes.
package export

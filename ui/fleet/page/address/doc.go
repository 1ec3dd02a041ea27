// Package address reads the filters of headquarters' lists from the parameters of an address, and writes the addresses of
// lists that are filtered. It knows values only: no requests, no pages and no data.
package address

// Package savedview says what may become of the views that people keep: the address of a list with its filters, by a
// name. A view is of one person, or for everybody. It holds no data: to open one is to open its address.
package savedview

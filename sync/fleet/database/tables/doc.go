// Package tables is the one way in which headquarters uses its database, be it SQLite beside the program or
// PostgreSQL: connections, the schema, transactions, and statements with ? for an argument.
//
// Whatever the two databases do differently is in here, and nobody else asks which one it is. What
// others need to know is only whether the database is Shared: whether other programs may write to it.
//
// It knows no table by what it means: that is for the packages below it.
package tables

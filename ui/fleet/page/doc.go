// Package page is how every page of headquarters, and the same data below /api/v1, is asked for and answered: the query with
// the overview of its moment, filters and their addresses, lists page by page, the frame and the words around the data,
// files as they are made, and forms that change something, with their line in the audit log.
//
// It knows no subject: the packages below it do. A page of a subject is a Reader there and a template in html.
package page

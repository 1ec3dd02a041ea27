package fleet

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/ui/fleet/page"
)

var (
	anchor = regexp.MustCompile(`(?s)<a\b[^>]*?href="([^"]*)"[^>]*>(.*?)</a>`)
	tag    = regexp.MustCompile(`<[^>]*>`)
	bold   = regexp.MustCompile(`(?s)^\s*(?:<svg.*?</svg>)?<b[^>]*>([\d,]+)</b>`)
	alone  = regexp.MustCompile(`^[\d,]+$`)
	total  = regexp.MustCompile(`<main[^>]* data-total="(\d+)"`)
)

// numberOf is the number that a link promises; false: it promises none.
func numberOf(inside string) (int, bool) {
	text := ""
	if m := bold.FindStringSubmatch(inside); m != nil {
		text = m[1]
	} else if text = strings.TrimSpace(tag.ReplaceAllString(inside, "")); !alone.MatchString(text) {
		return 0, false
	}
	n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	return n, err == nil
}

// withSize asks for as many rows as there can be on one page.
func withSize(address string) string {
	u, _ := url.Parse(address)
	v := u.Query()
	v.Set("size", strconv.Itoa(page.Most))
	u.RawQuery = v.Encode()
	return u.String()
}

// isList reports whether an address is a list: the number of a store is a name, no count.
func isList(address string) bool {
	path, query, _ := strings.Cut(address, "?")
	if strings.HasPrefix(path, "/stores/") || strings.HasPrefix(path, "/search") {
		return false
	}
	return query != "" || strings.Count(path, "/") < 3
}

// Every number on every page opens a list with exactly that count, as a page and in the API.
func TestEveryNumberOpensItsList(t *testing.T) {
	w := newWorld(chain(40), morning())
	w.board.Stores["0007"].Expected.Region = "" // what is not told has a list too
	w.board.Stores["0008"].Info.Timezone = ""
	h := New(w.options())
	seen, lists, numbers := map[string]bool{}, map[string]int{}, 0
	queue := []string{"/", "/stores", "/patches", "/failures", "/attention", "/patches/pos-app-4.2.1", "/patches/scan-os-11.8", "/stores/0001", "/stores?region=North&bucket=done"}
	for len(queue) > 0 {
		address := queue[0]
		queue = queue[1:]
		if seen[address] {
			continue
		}
		seen[address] = true
		for _, m := range anchor.FindAllStringSubmatch(want(t, h, address), -1) {
			to := html.UnescapeString(m[1])
			n, promised := numberOf(m[2])
			if !promised || !isList(to) {
				continue
			}
			numbers++
			if was, known := lists[to]; known {
				if was != n {
					t.Errorf("%s says %d of %s, another page %d", address, n, to, was)
				}
				continue
			}
			lists[to] = n
			checkList(t, h, address, to, n)
			if len(seen)+len(queue) < 50 {
				queue = append(queue, to)
			}
		}
	}
	t.Logf("%d numbers on %d pages, %d lists", numbers, len(seen), len(lists))
	if numbers < 300 {
		t.Errorf("only %d numbers were found", numbers)
	}
}

func checkList(t *testing.T, h http.Handler, from, to string, n int) {
	t.Helper()
	body := want(t, h, withSize(to))
	m := total.FindStringSubmatch(body)
	if m == nil {
		t.Errorf("%s: a number links to %s, which is no list", from, to)
		return
	}
	if rows := strings.Count(body, "<tr data-row"); m[1] != strconv.Itoa(n) || rows != min(n, page.Most) {
		t.Errorf("%s says %d, %s counts %s and shows %d", from, n, to, m[1], rows)
	}
	var v struct {
		Total int `json:"total"`
	}
	if err := json.Unmarshal([]byte(want(t, h, "/api/v1"+withSize(to))), &v); err != nil || v.Total != n {
		t.Errorf("%s says %d, the API at %s %d (%v)", from, n, to, v.Total, err)
	}
}

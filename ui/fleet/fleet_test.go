package fleet

import (
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site/board/boardtest"
)

func TestTonight(t *testing.T) {
	w := newWorld(chain(200), morning())
	h := New(w.options())
	want(t, h, "/", "of 200 stores done.", "Pause patch pos-app-4.2.1", "on ncr-7606 with verify_failed", `data-n="bucket/done"`, "America/Chicago")
	want(t, h, "/?tv=1", `class="tv"`)
	want(t, h, "/stores", "200 stores", `data-total="200"`)
	want(t, h, "/stores?bucket=needs_someone&q=region:North", "that fit", "Remove region North", "Remove bucket needs_someone")
	want(t, h, "/api/v1/summary", `"total":200`, `"sentence":"`)
	want(t, h, "/api/v1/stores?size=3", `"total":200`, `"pages":67`)
}

func TestEmpty(t *testing.T) {
	w := newWorld(boardtest.Chain{Stores: 1}, morning())
	clear(w.board.Stores)
	clear(w.board.Patches)
	h := New(w.options())
	want(t, h, "/", "No store is expected and none was heard yet.", "No store has reported yet.", "No patch was planned yet.", "No store has told its time zone yet.")
	want(t, h, "/stores", "No store is expected and none was heard yet.")
	want(t, h, "/stores?region=North", "No store fits this filter.")
}

func TestErrors(t *testing.T) {
	h := New(newWorld(chain(5), morning()).options())
	for address, text := range map[string]string{
		"/nowhere":              "There is no such page.",
		"/stores?page=x":        "page must be a whole number from 1 to 1000000, not &#34;x&#34;.",
		"/patches?region=North": "Patches are filtered by severity and q only. The devices of one patch have the other filters.",
		"/stores?sort=colour":   "sort must be store, bucket, heard, needs or opens, not &#34;colour&#34;.",
		"/api/v1/nowhere":       `{"error":{"code":"not_found","message":"There is no such page."}}`,
		"/api/v1/stores?size=0": `{"error":{"code":"bad_size","message":"size must be a whole number from 1 to 1000, not \"0\"."}}`,
	} {
		status, body := get(t, h, address)
		if status < 400 || status >= 500 || !strings.Contains(body, text) {
			t.Errorf("GET %s: %d, want %q in\n%s", address, status, text, body)
		}
	}
}

package fleet

import (
	"bytes"
	"encoding"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/site/board/register"
	"github.com/nightfill/nightfill/site/board/savedview"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/ui/fleet/page"
	"github.com/nightfill/nightfill/ui/fleet/page/address"
	"github.com/nightfill/nightfill/ui/fleet/page/compliance"
	"github.com/nightfill/nightfill/ui/fleet/page/reports"
)

func updating() bool {
	return flag.Lookup("update") != nil && flag.Lookup("update").Value.String() == "true"
}

var _ = flag.Bool("update", false, "write static/openapi.json anew")

type object = map[string]any

// answer is one address of the API with what it answers.
type answer struct {
	path, say string
	of        any
	params    []string
}

// answers describes every address of the API; the test below wants one for each route.
func answers() []answer {
	list := []string{"page", "size"}
	filters := append(slices.Clone(address.StoreNames()), "q")
	return []answer{
		{"/summary", "The whole chain at a moment: the first page.", Summary{}, nil},
		{"/stores", "The stores that a filter means.", StoreList{}, append(append(slices.Clone(list), "sort"), filters...)},
		{"/stores/{id}", "Everything about one store.", StorePage{}, []string{"before"}},
		{"/stores/{id}/nights/{date}", "One night of a store.", NightPage{}, []string{"before"}},
		{"/stores/{id}/devices/{device}", "Everything about one device.", DevicePage{}, []string{"before"}},
		{"/stores/{id}/devices/{device}/patches/{patch}", "One patch on one device, from the change to the proof.", TracePage{}, nil},
		{"/patches", "How the patches fare in all stores.", PatchList{}, append(slices.Clone(list), "severity", "q")},
		{"/patches/{id}", "One patch, and the devices that a filter means.", PatchPage{}, append(slices.Clone(list), filters...)},
		{"/failures", "What broke, by cause; with a filter the devices on which it broke.", FailureList{}, append(slices.Clone(list), filters...)},
		{"/attention", "What needs a person.", AttentionList{}, append(slices.Clone(list), "group", "kind", "store", "device", "patch", "urgency", "shelved", "q")},
		{"/search", "Any store, device, patch, CVE and cause of a failure.", SearchPage{}, append(slices.Clone(list), "q")},
		{"/compliance", "How far the devices have the patches that are asked for, counted.", compliance.CompliancePage{}, compliance.RowNames()[:9]},
		{"/compliance/rows", "The patches on devices that a filter means, or with view=devices the devices.", compliance.RowList{}, append(append(slices.Clone(list), "view"), compliance.RowNames()...)},
		{"/patches/{id}/clocks", "One patch: how long it took, and whether the lab stands for the fleet.", compliance.ClockPage{}, nil},
		{"/exceptions", "The register of exceptions.", ExceptionList{}, []string{"status"}},
		{"/evidence", "Which stores an evidence pack would be of.", EvidencePage{}, append([]string{"from", "to"}, filters...)},
		{"/views", "The views that the one who asks sees: their own, and those for everybody.", ViewList{}, []string{"of"}},
		{"/reports", "Every report that there is.", reports.ReportList{}, nil},
		{"/reports/mornings", "On how many mornings stores opened ready.", reports.MorningPage{}, []string{"days", "region", "store"}},
		{"/reports/mornings/rows", "The mornings that a filter means, by store and date.", reports.MorningRows{}, append(append(slices.Clone(list), "days"), reports.MorningNames()...)},
		{"/reports/devices", "Which devices the stores told of, counted.", reports.DeviceCountPage{}, []string{"region", "store"}},
		{"/reports/devices/rows", "The devices that a filter means.", reports.DeviceRows{}, append(slices.Clone(list), reports.DeviceNames()...)},
		{"/reports/nights", "How the nights went, by date.", reports.NightList{}, []string{"days", "region", "store"}},
		{"/reports/nights/rows", "The nights of stores that a filter means.", reports.NightRows{}, append(append(slices.Clone(list), "days"), reports.NightNames()...)},
		{"/reports/figures", "Every number by which the work is judged.", FigurePage{}, []string{"region"}},
		{"/reports/oldest", "The devices that lack the oldest patches.", OldestPage{}, []string{"region", "class"}},
		{"/reports/owners", "How the patches of each owner stand.", OwnerPage{}, []string{"region"}},
		{"/reports/silent", "The stores that were not heard for more than 24 hours.", SilentList{}, append(slices.Clone(list), "region")},
		{"/reports/trend", "Compliance day by day.", compliance.TrendPage{}, []string{"days", "region"}},
		{"/audit", "Who did what at headquarters, the newest first.", AuditPage{}, []string{"before"}},
	}
}

// says describes the parameters.
func says() map[string]string {
	return map[string]string{
		"page": "Which page of the list, from 1.", "size": "How many entries a page has at most: 1 to 1000, 200 where it is not given.",
		"sort": "store, bucket, heard, needs or opens; else by region and number.", "before": "Events before this time, RFC 3339; of the audit log: lines below this number.",
		"bucket":  "Where a store is in its night: done, working, waiting, needs_someone, not_heard, never_heard, nothing. May be given several times, as every filter.",
		"opening": "Does it open ready: ready, not_ready, cannot_tell, not_told.", "contact": "live, late, lost, never.", "verdict": "The word of the store: ready, ready_notes, not_ready, working, unknown.",
		"region": "Of the list of stores; none: without one.", "zone": "IANA time zone; none: not told.", "ring": "lab, pilot, fleet; none: not told.", "store": "A store's id.", "device": "A device's id.",
		"state": "Of a patch on a device: any of the states, or attempted, open, underway, not_taken_back, ended, broke.", "patch": "A patch's id.", "class": "Of the device.", "model": "Of the device, else its class.",
		"severity": "Of the patch: critical, high, medium, low.", "signature": "What is the same where the cause of a failure is the same.", "q": "A part of an id or a name. In lists, words such as state:failed filter too.",
		"group": "The id of a group of items.", "kind": "Of an item: not_ready, cannot_tell, no_report, failed, rollback_failed, no_answer, rolled_back, gap, quarantine, alert, proposal, exception.",
		"urgency": "now or today.", "shelved": "1: the items that are shelved.", "id": "A store's or a patch's id.",
		"owner": "Of the patch; none: without one.", "age": "Of the patch, in days since its vendor's release: 0-7, 8-14, 15-30, 31-60, 61-90, over-90, none.",
		"standing":        "Of a patch on a device: installed, installed_pending_reboot, missing, failed, excepted, unknown, in_grace, not_applicable.",
		"device_standing": "Of the device: compliant, excepted, behind, unknown.", "late": "How many days it is overdue, in the ranges of age.", "look": "At the device: fresh or stale.", "lacks": "How old the oldest patch is that the device lacks, in the ranges of age; nothing: it lacks none.",
		"mark": "overdue, within, late, waived, open, untimed, again, tried, first_pass, back, retried, recovered, timed, applies; of mornings: early, turned_bad, turned_good; of devices: new, poi, no_serial, no_scope, unsupported, no_owner; of nights: over, broken, unclosed, idle.", "view": "devices: the devices in place of the rows.",
		"pci_scope": "Of the device: cde, connected, security, out, poi; none: not told.", "life": "Of the device: in_service, missing, never_seen, gone.", "care": "managed or observe_only.",
		"days": "How many days are looked at, up to today.", "answer": "How a store opened: ready, not_ready, cannot_tell, not_told.",
		"from": "The first night, a date.", "to": "The last night, a date.",
		"of":     "The path of a list, such as /stores.",
		"status": "Of an exception: open, renewed, expired, closed.", "date": "The date of the evening on which the window opened; of mornings: their date.",
	}
}

// description writes the API down as its types are.
func description(t *testing.T) []byte {
	t.Helper()
	schemas, paths := object{}, object{}
	for _, a := range answers() {
		params := []object{}
		for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(a.path, -1) {
			params = append(params, object{"name": m[1], "in": "path", "required": true, "description": says()[m[1]], "schema": object{"type": "string"}})
		}
		for _, p := range a.params {
			schema := object{"type": "string"}
			if p == "page" || p == "size" {
				schema = object{"type": "integer", "minimum": 1}
			} else if slices.Contains(address.StoreNames(), p) && a.path != "/attention" {
				schema = object{"type": "array", "items": object{"type": "string"}}
			}
			if says()[p] == "" {
				t.Errorf("the parameter %s is not described", p)
			}
			params = append(params, object{"name": p, "in": "query", "description": says()[p], "schema": schema})
		}
		get := object{"summary": a.say, "responses": responses(schemaOf(reflect.TypeOf(a.of), schemas))}
		if len(params) > 0 {
			get["parameters"] = params
		}
		paths["/api/v1"+a.path] = object{"get": get}
	}
	paths["/api/v1/attention"].(object)["post"] = object{
		"summary": "Say something about items that need a person: only for managers and admins.",
		"requestBody": object{"required": true, "content": object{"application/x-www-form-urlencoded": object{"schema": object{
			"type": "object", "required": []string{"verb"}, "properties": object{
				"verb":  object{"type": "string", "enum": []string{overview.VerbAck, overview.VerbShelve, overview.VerbRelease}},
				"item":  object{"type": "array", "items": object{"type": "string"}, "description": "Ids of items; or group."},
				"group": object{"type": "string", "description": "The id of a group: all items that are in it now."},
				"note":  object{"type": "string", "maxLength": 2000, "description": "Needed to shelve."},
				"hours": object{"type": "integer", "minimum": 1, "maximum": 744, "description": "How long it is shelved; or until."},
				"until": object{"type": "string", "format": "date-time"},
			},
		}}}},
		"responses": responses(schemaOf(reflect.TypeOf(Said{}), schemas)),
	}
	paths["/api/v1/exceptions"].(object)["post"] = exceptionForm(schemas)
	paths["/api/v1/evidence"].(object)["post"] = evidenceForm()
	paths["/api/v1/views"].(object)["post"] = viewForm(schemas)
	paths["/api/v1/patches/{id}/hold"] = object{"post": stopForm(schemas)}
	paths["/api/v1/stores/act"] = object{"post": actForm(schemas)}
	paths["/api/v1/openapi.json"] = object{"get": object{"summary": "This description.", "responses": object{"200": object{"description": "OpenAPI 3."}}}}
	schemaOf(reflect.TypeOf(page.Wrong{}), schemas)
	schemas["Error"] = schemas["Wrong"]
	delete(schemas, "Wrong")
	doc := object{
		"openapi": "3.0.3",
		"info":    object{"title": "Nightfill headquarters", "version": "1", "description": "The same data as the pages, as JSON. Fields are added and never change meaning. Times are UTC, RFC 3339; a time that is not known is absent."},
		"paths":   paths, "components": object{"schemas": schemas},
	}
	body, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(body, '\n')
}

// exceptionForm describes the form of the register of exceptions.
func exceptionForm(schemas object) object {
	properties := object{"verb": object{"type": "string", "enum": []string{"open", "renew", "review", "close"}}}
	for name, say := range map[string]string{
		"id": "Of the entry; not to open one.", "patch": "To open.", "owner": "To open: who answers for it.", "reason": "Why; of a review: what was found.",
		"risk": "To open: what may happen meanwhile.", "controls": "What is done against that.", "expires": "To open or renew: a date, whose first moment (UTC) is the end, or RFC 3339.",
		"devices": "Only these, with commas between.", "groups": "Only the devices of these.", "stores": "Only these.", "reviews": "Dates.", "change": "A ticket.",
		"constraints": "Of the worksheet.", "objective": "Of the worksheet.", "identified_risk": "Of the worksheet.", "definition": "Of the worksheet.", "validation": "Of the worksheet.", "maintenance": "Of the worksheet.",
	} {
		properties[name] = object{"type": "string", "description": say}
	}
	return object{
		"summary": "Open, renew, review or close an exception: only for managers and admins.",
		"requestBody": object{"required": true, "content": object{"application/x-www-form-urlencoded": object{"schema": object{
			"type": "object", "required": []string{"verb"}, "properties": properties,
		}}}},
		"responses": responses(schemaOf(reflect.TypeOf(register.Entry{}), schemas)),
	}
}

// viewForm describes the form of the views that people keep.
func viewForm(schemas object) object {
	properties := object{
		"verb":   object{"type": "string", "enum": []string{"keep", "rename", "share", "unshare", "remove"}},
		"page":   object{"type": "string", "enum": savedPages(), "description": "To keep: the path of the list."},
		"query":  object{"type": "string", "maxLength": savedview.QueryLimit, "description": "To keep: the filters, as they are in the address."},
		"name":   object{"type": "string", "maxLength": savedview.NameLimit, "description": "To keep or rename."},
		"shared": object{"type": "string", "enum": []string{"1"}, "description": "To keep: for everybody; only for managers and admins."},
		"id":     object{"type": "string", "description": "Of the view; not to keep one."},
	}
	return object{
		"summary": "Keep, rename, share or remove a view of a list. Everybody keeps their own; only managers and admins share.",
		"requestBody": object{"required": true, "content": object{"application/x-www-form-urlencoded": object{"schema": object{
			"type": "object", "required": []string{"verb"}, "properties": properties,
		}}}},
		"responses": responses(schemaOf(reflect.TypeOf(savedview.View{}), schemas)),
	}
}

// actForm describes what may be done with stores that are chosen.
func actForm(schemas object) object {
	schema := object{
		"type": "object", "required": []string{"verb", "stores"}, "properties": object{
			"verb":   object{"type": "string", "enum": []string{overview.VerbAck, overview.VerbShelve, verbLook, verbHold}, "description": "acknowledge and shelve: all items of the stores that need somebody; look: ask the stores to look at their catalog again and to tell their state; hold: let them begin nothing new until people lift it."},
			"stores": object{"type": "array", "items": object{"type": "string"}, "minItems": 1, "description": "Ids, all of which must be known; in a form, store for each of them."},
			"note":   object{"type": "string", "maxLength": 2000, "description": "Needed to shelve."},
			"reason": object{"type": "string", "maxLength": site.MaxHoldReason, "description": "Needed to hold; stores show it."},
			"hours":  object{"type": "integer", "minimum": 1, "maximum": 744, "description": "How long something is shelved; or until."},
			"until":  object{"type": "string", "format": "date-time"},
		},
	}
	return object{
		"summary":     "Do something with chosen stores: only for managers and admins.",
		"requestBody": object{"required": true, "content": object{"application/json": object{"schema": schema}, "application/x-www-form-urlencoded": object{"schema": schema}}},
		"responses":   responses(schemaOf(reflect.TypeOf(Acted{}), schemas)),
	}
}

// stopForm describes how a patch is stopped.
func stopForm(schemas object) object {
	return object{
		"summary":    "Stop a patch: hold it everywhere at once where headquarters has the online key of holds, else draft a withdrawal, which people sign. Only for managers and admins.",
		"parameters": []object{{"name": "id", "in": "path", "required": true, "description": says()["id"], "schema": object{"type": "string"}}},
		"requestBody": object{"required": true, "content": object{"application/x-www-form-urlencoded": object{"schema": object{
			"type": "object", "required": []string{"reason"}, "properties": object{"reason": object{"type": "string", "maxLength": site.MaxHoldReason, "description": "Stores show it."}},
		}}}},
		"responses": responses(schemaOf(reflect.TypeOf(Stopped{}), schemas)),
	}
}

func savedPages() []string {
	return []string{"/stores", "/patches", "/failures", "/attention", "/compliance/rows"}
}

// evidenceForm describes the form of evidence packs.
func evidenceForm() object {
	properties := object{
		"from": object{"type": "string", "format": "date", "description": "The first night."}, "to": object{"type": "string", "format": "date", "description": "The last night; without it, the first one alone."},
		"as_of": object{"type": "string", "format": "date-time", "description": "Nothing that headquarters knew later is told; without it, now."},
	}
	for _, name := range append(address.StoreNames(), "q") {
		properties[name] = object{"type": "string", "description": says()[name]}
	}
	answered := responses(object{})
	answered["200"] = object{"description": "The pack, as it is made.", "content": object{"application/zip": object{"schema": object{"type": "string", "format": "binary"}}}}
	return object{
		"summary": "Make an evidence pack of the stores that a filter means: only for managers and admins.",
		"requestBody": object{"required": true, "content": object{"application/x-www-form-urlencoded": object{"schema": object{
			"type": "object", "required": []string{"from"}, "properties": properties,
		}}}},
		"responses": answered,
	}
}

func responses(schema object) object {
	failed := object{"application/json": object{"schema": object{"$ref": "#/components/schemas/Error"}}}
	return object{
		"200":     object{"description": "Answered.", "content": object{"application/json": object{"schema": schema}}},
		"default": object{"description": "Not answered; the message says why.", "content": failed},
	}
}

// schemaOf describes a type as its JSON is.
func schemaOf(t reflect.Type, schemas object) object {
	if t.Kind() == reflect.Pointer {
		return schemaOf(t.Elem(), schemas)
	}
	switch v := reflect.New(t).Interface().(type) {
	case *time.Time:
		return object{"type": "string", "format": "date-time"}
	case *json.RawMessage:
		return object{}
	case json.Marshaler, encoding.TextMarshaler:
		_ = v
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return object{"type": "integer"}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem(), schemas)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(t.Elem(), schemas)}
	case reflect.Struct:
		return structOf(t, schemas)
	}
	return object{"type": "string"}
}

func structOf(t reflect.Type, schemas object) object {
	if t.Name() == "" {
		s := object{"type": "object"}
		fields(t, s, schemas)
		return s
	}
	name := t.Name()
	if pkg := t.PkgPath(); strings.HasSuffix(pkg, "/site/board") || strings.HasSuffix(pkg, "/site") {
		name = "Store." + name // as a store tells it
	} else if strings.HasSuffix(pkg, "/board/comply") {
		name = "Comply." + name
	} else if strings.HasSuffix(pkg, "/board/mornings") {
		name = "Mornings." + name
	} else if strings.HasSuffix(pkg, "/board/nights") {
		name = "Nights." + name
	}
	if schemas[name] == nil {
		s := object{"type": "object"}
		schemas[name] = s // before its fields: a type may hold itself
		fields(t, s, schemas)
	}
	return object{"$ref": "#/components/schemas/" + name}
}

func fields(t reflect.Type, s, schemas object) {
	properties, required := object{}, []string{}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		for i := range t.NumField() {
			f := t.Field(i)
			name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case name == "-" || !f.IsExported() && !f.Anonymous:
			case f.Anonymous && name == "":
				if f.Name != "Listing" && f.Name != "List" {
					walk(f.Type)
				}
			default:
				properties[name] = schemaOf(f.Type, schemas)
				if !strings.Contains(rest, "omit") {
					required = append(required, name)
				}
			}
		}
	}
	walk(t)
	s["properties"] = properties
	if len(required) > 0 {
		slices.Sort(required)
		s["required"] = required
	}
}

// The file that is served is what the types are; go test ./ui/fleet -run OpenAPI -update writes it anew.
func TestOpenAPI(t *testing.T) {
	want := description(t)
	if updating() {
		if err := os.WriteFile("page/static/openapi.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("page/static/openapi.json")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("page/static/openapi.json is not what the API answers (%v): go test ./ui/fleet -run OpenAPI -update", err)
	}
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(got, &doc); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for path, verbs := range doc.Paths {
		for verb := range maps.Keys(verbs) {
			known[strings.ToUpper(verb)+" "+path] = true
		}
	}
	s := newWhole(Options{})
	for _, r := range s.routes() {
		if strings.Contains(r.Pattern, " /api/") && !known[r.Pattern] {
			t.Errorf("%s is not described", r.Pattern)
		}
		delete(known, r.Pattern)
	}
	for left := range known {
		t.Errorf("%s is described and not served", left)
	}
}

// Every field of an answer is described, and a list in it is a list also where it is empty: of a store that told
// everything, of one that was never heard, and of a fleet without stores.
func TestAnswersAreDescribed(t *testing.T) {
	var doc struct {
		Paths      map[string]map[string]object
		Components struct{ Schemas map[string]object }
	}
	if err := json.Unmarshal(description(t), &doc); err != nil {
		t.Fatal(err)
	}
	full, silent, empty := newWorld(chain(40), morning()), newWorld(chain(3), morning()), newWorld(chain(1), morning())
	empty.board = board.NewBoard("acme")
	full.tell("0001")
	remember(full)
	post(New(full.options()), "/views", map[string][]string{"verb": {"keep"}, "page": {"/stores"}, "name": {"All"}})
	silent.board.Store("0099").Expected = &board.Expected{ID: "0099"}
	heard := silent.board.Store("0098") // with all that may be empty
	heard.Contact = board.Contact{State: "online", At: morning(), Heard: morning()}
	heard.Device("till-1").Now.Class = site.LinuxServer
	heard.Nights["2026-11-21"] = board.Night{Night: window.Date{Year: 2026, Month: 11, Day: 21}}
	heard.Streams = []board.Stream{{ID: "A", No: 1}}
	for _, world := range []struct {
		*world
		addresses map[string][]string
	}{
		{full, map[string][]string{
			"/summary": {"/summary"}, "/stores": {"/stores?size=5"}, "/stores/{id}": {"/stores/0001"}, "/stores/{id}/nights/{date}": {"/stores/0001/nights/2026-11-21"},
			"/stores/{id}/devices/{device}": {"/stores/0001/devices/till-1"}, "/patches": {"/patches"}, "/patches/{id}": {"/patches/pos-app-4.2.1?size=5"},
			"/failures": {"/failures", "/failures?state=broke"}, "/attention": {"/attention", "/attention?kind=failed", "/attention?shelved=1"}, "/search": {"/search?q=till"}, "/audit": {"/audit"},
			"/compliance": {"/compliance"}, "/compliance/rows": {"/compliance/rows?size=5", "/compliance/rows?size=5&view=devices"}, "/patches/{id}/clocks": {"/patches/pos-app-4.2.1/clocks"},
			"/stores/{id}/devices/{device}/patches/{patch}": {"/stores/0001/devices/till-1/patches/pos-app-4.2.1"},
			"/exceptions": {"/exceptions"}, "/evidence": {"/evidence?region=North"}, "/views": {"/views"},
		}},
		{silent, map[string][]string{
			"/stores": {"/stores?q=none"}, "/stores/{id}": {"/stores/0098", "/stores/0099"}, "/stores/{id}/nights/{date}": {"/stores/0098/nights/2026-11-21"},
			"/stores/{id}/devices/{device}": {"/stores/0098/devices/till-1"}, "/patches": {"/patches?q=none"}, "/patches/{id}": {"/patches/pos-app-4.2.1?region=none"},
			"/failures": {"/failures?store=0099"}, "/attention": {"/attention?q=none"}, "/search": {"/search", "/search?q=none"}, "/audit": {"/audit?before=1"},
			"/compliance": {"/compliance?store=0099"}, "/compliance/rows": {"/compliance/rows?store=0099", "/compliance/rows?store=0099&view=devices"}, "/exceptions": {"/exceptions?status=closed"},
			"/evidence": {"/evidence?region=None"},
		}},
		{empty, map[string][]string{
			"/summary": {"/summary"}, "/stores": {"/stores"}, "/patches": {"/patches"}, "/failures": {"/failures"}, "/attention": {"/attention"}, "/search": {"/search?q=till"}, "/audit": {"/audit"},
			"/compliance": {"/compliance"}, "/compliance/rows": {"/compliance/rows", "/compliance/rows?view=devices"}, "/exceptions": {"/exceptions"}, "/evidence": {"/evidence"}, "/views": {"/views"},
		}},
	} {
		h := New(world.options())
		if world.world != silent {
			maps.Copy(world.addresses, reportAddresses())
		}
		for path, addresses := range world.addresses {
			schema := doc.Paths["/api/v1"+path]["get"]["responses"].(object)["200"].(object)["content"].(object)["application/json"].(object)["schema"].(object)
			for _, address := range addresses {
				var v any
				if err := json.Unmarshal([]byte(want(t, h, "/api/v1"+address)), &v); err != nil {
					t.Fatal(err)
				}
				described(t, address, v, schema, doc.Components.Schemas)
			}
		}
		for _, a := range answers() {
			if world.world == full && world.addresses[a.path] == nil {
				t.Errorf("%s is not asked", a.path)
			}
		}
	}
}

// Lists that stand only where they were asked for are lists there too.
func TestListsThatWereAskedForStand(t *testing.T) {
	w := newWorld(chain(1), morning())
	w.board = board.NewBoard("acme")
	h := New(w.options())
	want(t, h, "/api/v1/compliance/rows", `"rows":[]`)
	want(t, h, "/api/v1/compliance/rows?view=devices", `"devices":[]`)
	want(t, h, "/export/compliance.json", `"stores":[]`, `"silent_stores":[]`)
}

func described(t *testing.T, at string, v any, schema object, schemas map[string]object) {
	t.Helper()
	if ref, ok := schema["$ref"].(string); ok {
		schema = schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
	}
	switch v := v.(type) {
	case string:
		if schema["format"] == "date-time" && !strings.HasSuffix(v, "Z") {
			t.Errorf("%s is not in UTC: %s", at, v)
		}
	case nil:
		if schema["type"] == "array" || schema["additionalProperties"] != nil {
			t.Errorf("%s is null and described as %v", at, schema["type"])
		}
	case map[string]any:
		properties, _ := schema["properties"].(object)
		for name, value := range v {
			inner, ok := properties[name].(object)
			if !ok {
				inner, ok = schema["additionalProperties"].(object)
			}
			if !ok {
				t.Errorf("%s: the field %s is not described", at, name)
				continue
			}
			described(t, at+"."+name, value, inner, schemas)
		}
	case []any:
		items, ok := schema["items"].(object)
		if !ok {
			t.Errorf("%s is a list and described as %v", at, schema)
			return
		}
		for _, e := range v[:min(len(v), 20)] {
			described(t, at+"[]", e, items, schemas)
		}
	}
}

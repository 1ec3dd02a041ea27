# The commands of this repository. Each is a few lines; what is longer is in scripts/.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUILT   ?= $(shell git log -1 --format=%cI 2>/dev/null || date -u +%Y-%m-%dT%H:%M:%SZ)
LDFLAGS  = -s -w -X main.version=$(VERSION) -X main.built=$(BUILT)
BUILD    = CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)'

# The race detector needs a C compiler; without one the tests run without it, and say so.
RACE    := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null 2>&1 && echo -race)

.PHONY: demo demo-hq test lint build release bench sim lab-test ui-test hq-test bench-hq man clean

demo: ## a whole night on a simulated store: make demo, or make demo ARGS=--exit
	@$(BUILD) -o bin/nightfill ./cmd/nightfill && exec bin/nightfill demo $(ARGS)

demo-hq: ## headquarters over 300 simulated stores and a real one: make demo-hq, or make demo-hq ARGS=--exit
	@$(BUILD) -o bin/nightfill-hq ./cmd/nightfill-hq && exec bin/nightfill-hq demo $(ARGS)

# Under the race detector a program sleeps for a second before it ends, so that what still runs may be found out: no
# goroutine outlives its test here, and a hundred packages would sleep for a minute and a half. The collector may take
# four times the memory instead of a tenth of the time.
TESTENV  = GORACE="atexit_sleep_ms=0 $(GORACE)" GOGC=400

test: lint ## everything that needs no root; what -short leaves out is in lab-test
	@[ -n "$(RACE)" ] || echo 'no C compiler: the tests run without the race detector (apt-get install gcc)'
	$(TESTENV) go test $(RACE) -short -timeout 10m ./...

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'run gofmt -w on these'; exit 1; }
	go vet ./...
	go tool staticcheck ./...

build: ## static programs for this machine
	$(BUILD) -o bin/ ./cmd/nightfill ./cmd/nightfilld ./cmd/nightfill-hq

man: DIR ?= bin/man
man: ## manual pages of the handbook and of every command: make man, or make man DIR=/usr/local/share/man
	@$(BUILD) -o bin/ ./cmd/nightfill ./cmd/nightfill-hq && bin/nightfill help --man $(DIR) && bin/nightfill-hq help --man $(DIR)

release: ## static programs for linux/amd64 and linux/arm64
	for arch in amd64 arm64; do GOOS=linux GOARCH=$$arch $(BUILD) -o bin/linux-$$arch/ ./cmd/nightfill ./cmd/nightfilld ./cmd/nightfill-hq; done

sim: N ?= $(if $(findstring command,$(origin SEED)),1,10000)
sim: SEED ?= 1
sim: FAULTS ?=
sim: ## whole nights with faults, checked: make sim N=10000 SEED=1; one again: make sim SEED=57; as rare as in stores: FAULTS=realistic
	@GOGC=400 go test -count=1 -v -timeout 0 -run 'TestSim$$' ./daemon/sim -sim.n $(N) -sim.seed $(SEED) -sim.faults "$(FAULTS)" -sim.workers $$(getconf _NPROCESSORS_ONLN)

lab-test: ## real sshd, dpkg, reboots and mosquitto; root
	scripts/lab-test

ui-test: ## the pages in a real Chromium, with axe-core; installs chromium where it may
	scripts/ui-test

hq-test: ## headquarters on SQLite and PostgreSQL, with mosquitto, RabbitMQ and the embedded broker
	scripts/hq-test

bench-hq: ## headquarters' figures against a real mosquitto
	scripts/bench-hq

bench: ## figures; the night on real hosts needs root
	go test -run '^$$' -bench . -benchtime 200x $$(go list ./site/... | grep -v site/forecast) ./daemon/journal ./ui/ready
	go test -run '^$$' -bench . -benchtime 3x ./site/forecast
	timeout 600 go test -count=1 -timeout 9m -run '^$$' -bench '^BenchmarkLoad$$' -benchtime 1x ./cmd/nightfilld
	scripts/bench-night

clean:
	rm -rf bin

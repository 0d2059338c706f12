# Thin targets: each line is what you would type by hand.
GO      ?= go
PKGS     = ./...
ATONCE   = 4 # packages tested at a time: some wait for processes and browsers more than they work
RACE     = ./agent/... ./cmd/... ./console/... ./content/walk/... ./fleet/... ./hub/... ./link/... ./store/... ./transfer/...
FUZZTIME ?= 10s

export CGO_ENABLED ?= 0

.PHONY: build demo test race fuzz bench bench-yield bench-peers sim calibrate matrix lint

build: ## bin/ebb
	$(GO) build -o bin/ebb ./cmd/ebb

demo: build ## a whole fleet on this machine, end to end
	./bin/ebb demo

test: ## the whole test suite
	$(GO) test -p $(ATONCE) $(PKGS)

race: ## the race detector on the packages with goroutines
	CGO_ENABLED=1 $(GO) test -race -short $(RACE)

fuzz: ## every parser for FUZZTIME
	./.ci/fuzz $(FUZZTIME)

bench: ## the figures, with their references measured in the same run
	$(GO) run ./bench/cmd

bench-yield: ## giving way to the kernel's TCP; needs Linux and root
	$(GO) run ./bench/yield/cmd

PEERS = libtorrent,transmission,aria2
bench-peers: ## the same for what others use, from Debian
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends python3-libtorrent transmission-daemon aria2
	$(GO) run ./bench/yield/cmd -background tcp:cubic,tcp:bbr,$(PEERS)

sim: ## behaviour over time as text plots
	$(GO) test ./sim -run Golden -count=1 -v

calibrate: build ## measure the controllers anew for the plans that do not look at datagrams
	nice ./bin/ebb sim calibrate -o sim/plan/yield/table.txt

matrix: build ## how the controller gives way, in short; the whole of it: bin/ebb sim matrix
	./bin/ebb sim matrix --short

lint: ## vet, staticcheck, formatting
	$(GO) vet $(PKGS)
	$(GO) tool staticcheck $(PKGS)
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }

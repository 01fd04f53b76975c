# Thin names for what .ci/run and the go tool do.
.DEFAULT_GOAL := help
.PHONY: help build test race lint fuzz chronyd compare compare-chrony cross demo cover ci clean

help: ## this list
	@grep -E '^[a-z -]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 42

build: ## the command, as ./clockctl
	go build -o clockctl ./cmd/clockctl

test: ## the fast tests; what needs chronyd is skipped without it
	go test ./...

race lint fuzz chronyd compare cross demo: ## a step of .ci/run
	.ci/run $@

bench: ## what things cost, as ratios to what is asked for in docs; for benchstat
	go test -run '^$$' -bench . -benchtime 200ms -count 6 -cpu 1,2 ./hlc ./lamport ./truetime
	cd integrations/bench && go test -run '^$$' -bench . -benchtime 200ms -count 6 -cpu 1,2 .

compare-chrony: ## the long side by side with chronyd: 15 minutes at a 16 s poll
	TRUECLOCK_REQUIRE=all go test -count=1 -timeout 30m -v -run '^TestCompare_Chronyd$$' ./internal/compare -compare.poll=16s -compare.for=15m

cover: ## coverage per function, the least covered first
	go test -coverprofile=coverage.out ./... && go tool cover -func=coverage.out | sort -k3 -n

ci: ## everything that must pass before a change lands
	.ci/run

clean: ## remove what the targets above made
	rm -f clockctl coverage.out

# SPDX-License-Identifier: GPL-2.0-only
#
# Glue only: every target is a subcommand of the Rust program `spb`.

TOOLS := tools/testing/superpageblock
export CARGO_TARGET_DIR := $(CURDIR)/build/cargo
export MEM SEEDS KDIR J ACCEL KERNEL
export FROM SIGN ASSISTED_BY TREE_URL

SPB := cargo run -q --release --locked --manifest-path $(TOOLS)/Cargo.toml -p spb --
COMMANDS := setup tree refresh run pressure files bench-model bench-locks bench-latency test kunit host-test scale shell modules series

.PHONY: help rust clean bench bench-native replay soak series-check test-full $(COMMANDS)

help:
	@echo 'make run         build stock and patched, boot both under the same workload, compare'
	@echo 'make pressure    the same while kernel memory grows in full memory; vm.defrag_mode as well'
	@echo 'make files       the same after files came and went on ext4; vm.defrag_mode as well'
	@echo 'make soak        patched alone, for MINUTES=120: kernel memory must not spread with time'
	@echo 'make test        everything CI runs; ends with "N passed, N failed"'
	@echo 'make test-full   also more guests and debug kernels, and the kernel'"'"'s own mm tests, on both'
	@echo '                 (FURTHER=1: only that, after make test has passed;'
	@echo '                 ONLY=btrfs: only guests with that in their name, or kernel=that)'
	@echo 'make kunit       only the KUnit suites'
	@echo 'make host-test   only the tests that run on the host'
	@echo 'make scale       what the policy costs in zones of 8 GB to 16 TB: instructions, time, bytes, code'
	@echo 'make bench       instructions of alloc and free, stock against patched (UPDATE=1: new reference)'
	@echo 'make bench-model cache misses of alloc and free in a model, and which functions take the instructions'
	@echo 'make bench-locks how long zone->lock is held, stock against patched, with one processor and with eight'
	@echo 'make bench-latency how long kernel memory waits for a page while it grows in full memory, stock against patched'
	@echo 'make bench-native what alloc and free take in time, kernels running as programs (ROUNDS=5)'
	@echo 'make replay      what other rules would do with recorded allocations of real programs (RECORD=1: record anew)'
	@echo 'make shell       interactive guest (KERNEL=stock|patched|debug)'
	@echo 'make modules     the policy as a module (KDIR=/path: for the patched kernel built there)'
	@echo 'make tree        lay base + patches + overlay out as a git tree in build/tree'
	@echo 'make refresh     write edits made in build/tree back to patches/ and the overlay'
	@echo 'make series      mails, git branch and bundle of the RFC series in build/series'
	@echo 'make series-check  build every commit of the series, boot some (QUICK=1: only compile; COMMITS=1-8)'
	@echo 'make setup       fetch kernel source, Rust source and bindgen; install packages'
	@echo 'make clean       remove build/'
	@echo
	@echo 'MEM=8G           guest memory of run, pressure, files and soak (shell: 4G, replay: 384M)'
	@echo 'SEEDS="1 2 3"    workload seeds of run, pressure and files; soak takes the first'
	@echo 'KDIR=/path       another 7.2 tree      J=2              parallel jobs'
	@echo 'FROM="Name <mail>" SIGN=1 ASSISTED_BY="AGENT:MODEL"   who sends the series, signs it off, what helped'
	@echo 'TREE_URL="https://... branch"   where the series can be fetched'
	@echo 'ACCEL=kvm|tcg    how QEMU runs guests  KERNEL=patched   kernel of make shell'

rust:
	@v=$$(rustc --version 2>/dev/null | cut -d' ' -f2 | cut -d. -f2) && [ -n "$$v" ] && \
	  command -v cargo >/dev/null && [ "$$v" -ge 85 ] || \
	  { echo 'error: this needs cargo and rustc 1.85 or newer on PATH'; exit 1; }

$(COMMANDS): rust
	@$(SPB) $@

bench: rust
	@$(SPB) $@ $(if $(filter 1,$(UPDATE)),--update)

test-full: rust
	@$(SPB) $@ $(if $(filter 1,$(FURTHER)),--further) $(if $(ONLY),--only '$(ONLY)')

soak: rust
	@$(SPB) $@ $(if $(MINUTES),--minutes '$(MINUTES)')

bench-native: rust
	@$(SPB) $@ $(if $(ROUNDS),--rounds '$(ROUNDS)')

replay: rust
	@$(SPB) $@ $(if $(filter 1,$(RECORD)),--record)

series-check: rust
	@$(SPB) $@ $(if $(filter 1,$(QUICK)),--quick) $(if $(COMMITS),--commits '$(COMMITS)')

clean:
	rm -rf build

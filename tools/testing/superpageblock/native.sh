#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Is a real machine slower with superpageblocks than without? Run as root on a
# machine that has booted the patched kernel with the policy as a module:
#
#   native.sh /path/to/superpageblock_policy.ko
#   native.sh none		any kernel as it is, such as a stock one
#
# Each test runs in pairs, with the policy detached and attached, on the same
# boot; every second pair runs the other way round, against drift. Variables:
# PAIRS=5, LENGTH=10 (seconds of a run), TASKS (processors), WILL_IT_SCALE (a
# built tree of that name).

set -u

MODULE=${1:-}
PAIRS=${PAIRS:-5}
LENGTH=${LENGTH:-10}
TASKS=${TASKS:-$(getconf _NPROCESSORS_ONLN)}
WILL_IT_SCALE=${WILL_IT_SCALE:-will-it-scale}
PORT=12866

die() {
	echo "error: $*" >&2
	exit 1
}

attached() {
	grep -qs '^superpageblock_policy ' /proc/modules
}

# Bring the policy into a state: detached, attached, or as it is.
enter() {
	if [ "$1" = attached ] && ! attached; then
		insmod "$MODULE" || die "cannot insert $MODULE, see dmesg"
	elif [ "$1" = detached ] && attached; then
		rmmod superpageblock_policy || die "cannot remove the policy, see dmesg"
	fi
}

check() {
	[ -n "$MODULE" ] || die "say which module: $0 /path/to/superpageblock_policy.ko"
	[ "$MODULE" != none ] || return 0
	[ -f "$MODULE" ] || die "there is no $MODULE: make modules builds it"
	[ "$(id -u)" = 0 ] || die "run this as root: it inserts and removes a module"
	grep -qs ' spb_policy_register$' /proc/kallsyms ||
		die "no superpageblocks here: boot the patched kernel, with CONFIG_SUPERPAGEBLOCK=y"
	# Symbols of a module have its name behind them.
	! grep -qs ' spb_rust_policy$' /proc/kallsyms ||
		die "the policy is built in: boot a kernel with CONFIG_SUPERPAGEBLOCK_POLICY=m"
}

# The tests: each prints one number, the more the better.

will_it_scale() {
	"$WILL_IT_SCALE/$1_processes" -m -t "$TASKS" -s "$LENGTH" |
		sed -n 's/^average://p' | tail -n 1
}

# Forks per second of one loop on each processor.
forks() {
	loops=$((LENGTH * 2000))
	start=$(date +%s%N)
	task=0
	while [ "$task" -lt "$TASKS" ]; do
		sh -c "i=0; while [ \$i -lt $loops ]; do (:); i=\$((i + 1)); done" &
		pids="${pids:-} $!"
		task=$((task + 1))
	done
	# shellcheck disable=SC2086 # A list of numbers.
	wait $pids
	pids=
	end=$(date +%s%N)
	echo $((loops * TASKS * 1000000 / ((end - start) / 1000)))
}

net() {
	netperf -p "$PORT" -H 127.0.0.1 -P 0 -v 0 -t "$1" -l "$LENGTH" | tail -n 1
}

run() {
	case $1 in
	page_fault*) will_it_scale "$1" ;;
	fork) forks ;;
	netperf-*) net "${1#netperf-}" ;;
	esac
}

# The tests that can be run here; what is missing is said on the terminal.
available() {
	for test in page_fault1 page_fault2 page_fault3; do
		if [ -x "$WILL_IT_SCALE/${test}_processes" ]; then
			echo "$test"
		else
			echo "$test: skipped, no $WILL_IT_SCALE/${test}_processes:" \
				"build will-it-scale and set WILL_IT_SCALE" >&2
		fi
	done
	echo fork
	if command -v netperf >/dev/null && command -v netserver >/dev/null; then
		echo netperf-TCP_STREAM netperf-TCP_RR netperf-UDP_RR
	else
		echo "netperf: skipped, netperf and netserver are not installed" >&2
	fi
}

# Run test $1 in state $2, and keep its number.
measure() {
	enter "$2"
	sync
	number=$(run "$1")
	echo "$number" | grep -Eq '^[0-9]+(\.[0-9]+)?$' ||
		die "$1 gave no number, but '$number'"
	echo "$number" >>"$results/$1.$2"
}

pair() {
	if [ "$MODULE" = none ]; then
		measure "$1" as-booted
	elif [ $(($2 % 2)) = 1 ]; then
		measure "$1" detached
		measure "$1" attached
	else
		measure "$1" attached
		measure "$1" detached
	fi
}

# Median of numbers, and how far apart they are, in percent of it.
summary() {
	sort -n | awk '{ n[NR] = $1 } END {
		m = NR % 2 ? n[(NR + 1) / 2] : (n[NR / 2] + n[NR / 2 + 1]) / 2
		printf "%.*f %.1f\n", m < 10 ? 3 : 0, m, m ? 100 * (n[NR] - n[1]) / m : 0
	}'
}

report_one() {
	printf '%-22s%16s%9s\n' '' as-booted spread
	for test in $tests; do
		# shellcheck disable=SC2046 # Two words.
		printf '%-22s%16s%7s %%\n' "$test" $(summary <"$results/$test.as-booted")
	done
	echo "medians of $PAIRS runs; more is better"
}

report() {
	printf '%-22s%16s%9s%16s%9s%9s%9s\n' '' detached spread attached spread ratio spread
	for test in $tests; do
		# shellcheck disable=SC2046 # Two words each.
		set -- "$test" $(summary <"$results/$test.detached") \
			$(summary <"$results/$test.attached") \
			$(paste "$results/$test.detached" "$results/$test.attached" |
				awk '{ print $2 / $1 }' | summary)
		printf '%-22s%16s%7s %%%16s%7s %%%9s%7s %%\n' "$@"
	done
	echo "medians of $PAIRS pairs; ratio: attached / detached in a pair; more is better"
}

finish() {
	[ -z "${server:-}" ] || kill "$server" 2>/dev/null
	[ -z "${before:-}" ] || enter "$before"
	rm -rf "${results:-}"
}

check
tests=$(available)
results=$(mktemp -d) || die "cannot make a directory for results"
before=detached
! attached || before=attached
trap finish EXIT
trap 'exit 1' INT TERM
case $tests in
*netperf*)
	netserver -D -4 -L 127.0.0.1 -p "$PORT" >/dev/null 2>&1 &
	server=$!
	sleep 1
	;;
esac

echo "$(uname -r), $TASKS tasks, $LENGTH s a run"
nth=1
while [ "$nth" -le "$PAIRS" ]; do
	for test in $tests; do
		echo "pair $nth of $PAIRS: $test"
		pair "$test" "$nth"
	done
	nth=$((nth + 1))
done
if [ "$MODULE" = none ]; then
	report_one
else
	report
fi

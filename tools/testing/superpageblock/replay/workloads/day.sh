# SPDX-License-Identifier: GPL-2.0-only
# The other ones, one after the other on a machine that the ones before have filled.

# What each must have come to when the clock ends it.
came_to_something() {
	case $1 in
	build) [ "$(find /src/linux -name '*.o' -newer /var/log/workload.begin | wc -l)" -ge 20 ] ;;
	search) [ -s /var/tmp/rounds ] ;;
	database) [ -s /var/tmp/record.db ] && [ "$(du -sm /var/lib/postgresql/record | cut -f1)" -ge 100 ] ;;
	browser) [ -s /var/tmp/page.png ] ;;
	install) grep -qE ' install (git|vim|python3|emacs-nox|texlive-latex-base):' /var/log/dpkg.log ;;
	*) false ;;
	esac
}

: > /var/log/workload.begin
while read -r workload seconds; do
	status=0
	timeout --kill-after=5 "$seconds" sh -e "/workloads/$workload.sh" < /dev/null || status=$?
	# 124, or 137 if it has to be killed: its time is over.
	case $status in 0 | 124 | 137) ;; *) echo "$workload: status $status" && exit 1 ;; esac
	came_to_something $workload || {
		echo "$workload did next to nothing"
		exit 1
	}
done << END
build 240
search 115
database 115
browser 115
install 115
END

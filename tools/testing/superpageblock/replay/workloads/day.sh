# SPDX-License-Identifier: GPL-2.0-only
# The other ones, one after the other on a machine that the ones before have filled.
for workload in build database browser install; do
	timeout --kill-after=5 115 sh -e "/workloads/$workload.sh" || [ $? = 124 ]
done

# SPDX-License-Identifier: GPL-2.0-only
# All files are looked at, as for a backup or an index, then a program wants most of the memory for a moment: inodes
# and directory entries come in tens of thousands, and most have to go.
while :; do
	find / -xdev -ignore_readdir_race -printf '%s %T@ %p\n' > /var/tmp/names
	# A constant would be computed twice.
	perl -e '$size = 192 << 20; $memory = "x" x $size; sleep 2'
	echo searched >> /var/tmp/rounds
done

# SPDX-License-Identifier: GPL-2.0-only
# A browser renders pages: processes with large heaps, shared memory between them, fonts and caches in files.
export MOZ_HEADLESS=1 MOZ_DISABLE_CONTENT_SANDBOX=1 MOZ_DISABLE_GMP_SANDBOX=1
export MOZ_DISABLE_RDD_SANDBOX=1 MOZ_DISABLE_SOCKET_PROCESS_SANDBOX=1
for round in 1 2 3; do
	for page in $(find /usr/share/doc -name '*.html' -size +20k); do
		firefox-esr --headless --window-size 1200,4000 --screenshot /var/tmp/page.png "file://$page"
	done
done

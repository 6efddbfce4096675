# SPDX-License-Identifier: GPL-2.0-only
# Parts of a small kernel are compiled: many short processes, and files that are read once or a hundred times.
cd /src/linux
make -s -j3 mm/ kernel/ lib/

# SPDX-License-Identifier: GPL-2.0-only
# A small kernel is compiled: many short processes, and files that are read once or a hundred times.
cd /src/linux
make -s -j3

# SPDX-License-Identifier: GPL-2.0-only
# Packages are unpacked and configured: files are written, synced and renamed.
export DEBIAN_FRONTEND=noninteractive
apt-get -q -y --no-download --no-install-recommends install git emacs-nox python3 texlive-latex-base vim

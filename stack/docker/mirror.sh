#!/bin/sh
# Prints the Debian mirror of this machine's apt; fails if apt has none.
set -eu
command -v apt-get >/dev/null
apt-get indextargets --format '$(SITE) $(CODENAME)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null |
    awk '$2 !~ /-security/ && $1 !~ /security/ { print $1; found = 1; exit } END { exit !found }'

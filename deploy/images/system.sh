#!/bin/sh
# Turns a Debian-based Node image into what a service needs: installs tini, and removes npm and the package managers.
set -eu

apt-get update
apt-get install --yes --no-install-recommends tini

rm -rf /usr/local/lib/node_modules /usr/local/include /usr/local/share /usr/local/*.md /usr/local/LICENSE /opt/yarn* \
  /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg
ln -s /app/dist/services/cli/main.js /usr/local/bin/uncouple
install -d -o 1000 -g 1000 /var/lib/uncouple
# Of the socket between a service and its inference host, which share the group and not the user.
install -d -o 1000 -g 1000 -m 2770 /run/inference

# By dpkg, whose database stays, so that scanners see what is left. Perl last, because some packages need it to go.
purge() {
  for pattern in "$@"; do
    packages=$(dpkg-query --show --showformat '${Package} ' "$pattern" 2>/dev/null) || continue
    # shellcheck disable=SC2086
    dpkg --purge --force-depends --force-remove-essential --force-remove-protected $packages
  done
}
purge tzdata apt 'libapt-pkg*' 'libgnutls30*' gpgv debian-archive-keyring adduser login mount e2fsprogs openssl perl-base
rm -rf /var/cache/* /var/lib/apt /var/log/* /usr/share/doc /usr/share/man /usr/share/info /usr/share/locale /usr/lib/*/gconv /tmp/*

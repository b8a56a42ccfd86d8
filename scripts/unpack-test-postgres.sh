#!/usr/bin/env bash
# Unpacks a newer PostgreSQL than this Debian has, for the tests: server, clients and pg_cron of the next stable Debian, with
# the libraries that they need. Nothing is installed. Some ten seconds, once; says in which folder it is, whose
# usr/lib/postgresql/17/bin has programs that run here. The first of several callers unpacks, the others wait for it.
set -euo pipefail

major=17
suite=trixie
here=$(cd "$(dirname "$0")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/backout-tests"
done_folder="$cache/postgresql-$major-1"

if [ -d "$done_folder" ]; then
  echo "$done_folder"
  exit 0
fi
mkdir -p "$cache"
exec 9>"$cache/postgresql.lock"
flock 9
if [ -d "$done_folder" ]; then
  echo "$done_folder"
  exit 0
fi
for program in apt-get dpkg-deb; do
  command -v "$program" >/dev/null || {
    echo "$program: not installed; PostgreSQL $major, which the tests need beside the installed one, cannot be had here" >&2
    echo "hint: run the tests on Debian 12, where scripts/install-test-tools.sh unpacks it" >&2
    exit 1
  }
done
mirror=$(bash "$here/debian-mirror.sh")

# What an earlier, killed run left is of no use.
rm -rf "$cache"/postgresql-unpack.*
work=$(mktemp -d "$cache/postgresql-unpack.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/empty" "$work/packages" "$work/tree"
: >"$work/status"

# Without touching what this machine knows and has.
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keys] $mirror $suite main" >"$work/sources.list"
of_suite() {
  apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts="$work/empty" \
    -o Dir::Etc::Preferences="$work/none" -o Dir::Etc::PreferencesParts="$work/empty" \
    -o Dir::State="$work" -o Dir::State::Lists="$work/lists" -o Dir::State::Status="$work/status" -o Dir::Cache="$work" \
    -o APT::Sandbox::User=root -o APT::Architectures="$(dpkg --print-architecture)" -o Acquire::Languages=none "$@" \
    2>"$work/apt.log" || {
    cat "$work/apt.log" >&2
    echo "hint: PostgreSQL $major for the tests comes from Debian $suite at $mirror, which has to be reached" >&2
    return 1
  }
}
of_suite update >/dev/null
# Of all that they depend on only libraries: neither a compiler for queries nor Debian's own management is needed.
packages=$(of_suite install --simulate --no-install-recommends "postgresql-$major" "postgresql-$major-cron" |
  awk -v major="$major" '$1 == "Inst" && $2 !~ /^libllvm|^libz3|^libperl/ &&
    $2 ~ "^(postgresql-" major "|postgresql-client-" major "|postgresql-" major "-cron|lib.*|zlib1g)$" { print $2 }')
# shellcheck disable=SC2086 # a list
(cd "$work/packages" && of_suite download $packages >/dev/null)
for package in "$work"/packages/*.deb; do dpkg-deb --extract "$package" "$work/tree"; done

cd "$work/tree"
rm -rf usr/share/doc usr/share/man usr/share/locale usr/share/lintian "usr/lib/postgresql/$major/lib/bitcode"
# Asked for, it would look for the compiler that is left out.
rm -f "usr/lib/postgresql/$major/lib"/llvmjit*
loader=$(find usr/lib -name 'ld-linux*.so.*' | head -1)
libraries=$(dirname "$loader")
mv "usr/lib/postgresql/$major/bin" "usr/lib/postgresql/$major/programs"
mkdir "usr/lib/postgresql/$major/bin"
# Each by its own loader, since this machine's C library is older. It goes on finding all by its own path.
cat >"$work/starter" <<STARTER
#!/bin/sh
here=\${0%/*}
root=\$here/../../../../..
exec "\$root/$loader" --argv0 "\$0" --library-path "\$root/$libraries" "\$here/../programs/\${0##*/}" "\$@"
STARTER
for program in "usr/lib/postgresql/$major/programs"/*; do
  install -m 755 "$work/starter" "usr/lib/postgresql/$major/bin/${program##*/}"
done
for program in postgres initdb pg_ctl psql pg_dump pg_restore; do
  "$work/tree/usr/lib/postgresql/$major/bin/$program" --version >/dev/null
done
chmod 755 "$work/tree"
mv "$work/tree" "$done_folder"
echo "$done_folder"

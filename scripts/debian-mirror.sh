#!/usr/bin/env bash
# Says from where this machine's apt takes Debian itself. Apt reads its own sources, of either form; those of other makers
# and of Debian's updates are passed over.
set -euo pipefail

release=$(. /etc/os-release && [ "${ID:-}" = debian ] && echo "${VERSION_CODENAME:-}") || release=
first_of() { # whose, more options: of a release by its name or as "stable"
  apt-get indextargets "${@:2}" --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' |
    awk -v release="$release" -v whose="$1" '
      $3 == "main" && ($2 == release || $2 ~ /^(old)?stable$/) && (whose == "" || $4 == whose) && !found++ { print $1 }'
}
mirror=
# Whose a source is, apt knows once it has fetched its lists; until then the first one counts.
[ -z "$release" ] || mirror=$(first_of Debian)
[ -z "$release" ] || [ -n "$mirror" ] || mirror=$(first_of "" --no-release-info)
if [ -z "$mirror" ]; then
  echo "apt: has no source of Debian ${release:-(this is another system)}" >&2
  echo "hint: name Debian's mirror in /etc/apt/sources.list, or in /etc/apt/sources.list.d" >&2
  exit 1
fi
echo "$mirror"

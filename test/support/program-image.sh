#!/usr/bin/env bash
# Makes the image backout:test by the Docker of $DOCKER_HOST: this machine's node and its libraries, the built program,
# the packages that it is installed with, and nothing else: no shell, no list of users.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
node=$(readlink -f "$(command -v node)")
mkdir -p "$folder/bin" "$folder/app"
mkdir -m 1777 "$folder/tmp"
cp "$node" "$folder/bin/node"
cp -r "$top/dist" "$top/package.json" "$folder/app/"
cd "$top"
npm ls --omit=dev --all --parseable | tail -n +2 | sed "s#^$top/##" | while read -r package; do
  cp -r --parents "$package" "$folder/app/"
done
{
  ldd "$node"
  find "$folder/app/node_modules" -name '*.node' -exec ldd {} + 2>/dev/null || true
} | grep -oE '/[^ :]+\.so[^ :]*' | sort -u | while read -r library; do
  [ ! -e "$library" ] || cp -L --parents "$library" "$folder"
done
tar -C "$folder" -cf - . | docker import --change 'ENTRYPOINT ["/bin/node", "/app/dist/backout.js"]' - backout:test >/dev/null

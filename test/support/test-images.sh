#!/usr/bin/env bash
# Makes the two images that the tests' pods run, app:v1 and app:v2, by the Docker of $DOCKER_HOST: of one program that has
# everything. For a cluster of your own, load both onto its nodes then, for example: kind load docker-image app:v1 app:v2
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/bin" "$folder/www" "$folder/tmp"
cp "$(command -v busybox)" "$folder/bin/busybox"
for name in sh httpd sleep cat echo; do ln -s busybox "$folder/bin/$name"; done
for version in v1 v2; do
  echo "$version" >"$folder/version"
  tar -C "$folder" -cf - . | docker import - "app:$version" >/dev/null
done

#!/usr/bin/env bash
# Installs the programs that the tests use, where this is Debian and we are root; elsewhere says what is missing.
set -euo pipefail

# program=Debian package
needs=(git=git openssl=openssl mkfs.ext4=e2fsprogs mount=mount losetup=mount runuser=util-linux unshare=util-linux prometheus=prometheus promtool=prometheus prometheus-alertmanager=prometheus-alertmanager
  redis-server=redis-server redis-cli=redis-tools redis-check-rdb=redis-tools
  setpriv=util-linux faketime=faketime ip=iproute2 curl=curl flock=util-linux etcd=etcd-server dockerd=docker.io busybox=busybox-static go=golang-go docker-registry=docker-registry)

missing=()
for need in "${needs[@]}"; do
  command -v "${need%%=*}" >/dev/null || missing+=("${need#*=}")
done
# Debian keeps PostgreSQL's programs outside of the path.
compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || missing+=(postgresql)
[ -e /usr/lib/redis/modules/redisearch.so ] || missing+=(redis-redisearch)
[ -e /usr/lib/postgresql/15/lib/pg_cron.so ] || missing+=(postgresql-15-cron)
# Taken into the Kubernetes that the tests build (scripts/build-test-kubernetes.sh).
[ -d /usr/share/gocode/src/github.com/modern-go/reflect2 ] || missing+=(golang-github-modern-go-reflect2-dev)

if [ "${#missing[@]}" -eq 0 ]; then
  :
elif [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "the tests need these programs, which are not installed: ${missing[*]}" >&2
  echo "hint: on Debian, as root: apt-get install ${missing[*]}" >&2
  exit 1
fi

# Where that fails, it says why, and so do the tests that need it; all others go on.
bash "$(dirname "$0")/unpack-test-postgres.sh" >/dev/null || :
bash "$(dirname "$0")/build-test-kubernetes.sh" >/dev/null

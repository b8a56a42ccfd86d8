#!/usr/bin/env bash
# Builds the Kubernetes that the tests start: API server, controller manager, scheduler and kubelet 1.20, the last that
# speaks to Docker Engine by itself, out of Debian's source package. Some three minutes on two idle cores, once; says
# where the programs are. The first of several callers builds, the others wait for it.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
programs=(kube-apiserver kube-controller-manager kube-scheduler kubelet)
package='kubernetes=1.20.5+really1.20.2-1.1+deb12u1'
archive='kubernetes_1.20.5+really1.20.2.orig.tar.gz'
reflect2=/usr/share/gocode/src/github.com/modern-go/reflect2
cache="${XDG_CACHE_HOME:-$HOME/.cache}/backout-tests"
done_folder="$cache/kubernetes-1.20.2-1"

if [ -d "$done_folder" ]; then
  echo "$done_folder"
  exit 0
fi
mkdir -p "$cache"
exec 9>"$cache/kubernetes.lock"
flock 9
if [ -d "$done_folder" ]; then
  echo "$done_folder"
  exit 0
fi
for program in go apt-get; do
  command -v "$program" >/dev/null || {
    echo "$program: not installed; Kubernetes cannot be built here" >&2
    echo "hint: on Debian 12, as root: bash scripts/install-test-tools.sh" >&2
    exit 1
  }
done

echo "building the Kubernetes that the tests start, once: some three minutes; it is kept in $done_folder" >&2
# What an earlier, killed build left is of no use.
rm -rf "$cache"/kubernetes-build.*
work=$(mktemp -d "$cache/kubernetes-build.XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/empty" "$work/out" "$work/gopath/src/k8s.io"

# Debian's own mirror of this machine, without touching the machine's lists.
mirror=$(bash "$here/debian-mirror.sh")
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb-src [signed-by=$keys] $mirror bookworm main" >"$work/sources.list"
from_sources() {
  apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts="$work/empty" \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work" -o APT::Sandbox::User=root "$@" >"$work/apt.log" 2>&1 || {
    cat "$work/apt.log" >&2
    return 1
  }
}
from_sources update
(cd "$work" && from_sources source --download-only "$package")

tree="$work/gopath/src/k8s.io/kubernetes"
mkdir "$tree"
tar -xzf "$work/$archive" --strip-components 1 -C "$tree"
cd "$tree"
# The copy in the source crashes when compiled by Go 1.18 or later.
rm -rf vendor/github.com/modern-go/reflect2
cp -rL "$reflect2" vendor/github.com/modern-go/reflect2
# Where a machine forbids lowering this score (a container), no pod would start.
sed -i 's/defaultSandboxOOMAdj int = -998/defaultSandboxOOMAdj int = 0/' pkg/kubelet/dockershim/docker_sandbox.go

export GOPATH="$work/gopath" GOCACHE="$work/gocache" GO111MODULE=off CGO_ENABLED=0 GOFLAGS=
nice -n 10 go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
inputs=$(grep -rl --include='*.go' '+k8s:openapi-gen=' pkg cmd vendor/k8s.io staging/src/k8s.io |
  grep -vE 'code-generator|sample-apiserver|_test\.go|zz_gen' | sed 's#staging/src/#vendor/#' |
  xargs -n1 dirname | sort -u | sed 's#^#k8s.io/kubernetes/#' | paste -sd,)
"$work/openapi-gen" -i "$inputs" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
  --go-header-file hack/boilerplate/boilerplate.generatego.txt -r "$work/violations.txt" >"$work/openapi.log" 2>&1 || {
  tail -20 "$work/openapi.log" >&2
  exit 1
}
# Without the clouds' own disks and load balancers, which take a third of the time.
nice -n 10 go build -tags providerless -ldflags '-s -w' -o "$work/out/" "${programs[@]/#/./cmd/}"
mv "$work/out" "$done_folder"
echo "$done_folder"

#!/usr/bin/env bash
# Runs a Kubernetes of one node until it is killed. Started by kubernetes-cluster.ts in mount and process namespaces of
# its own, so that with this process everything ends: programs, containers, mounts.
# Environment: FOLDER (empty), PROGRAMS, BRIDGE and its ADDRESS, PORT (it and the five above are free), TOKEN.
set -euo pipefail
here=$(dirname "$0")
cd "$FOLDER"

openssl genrsa -out sa.key 2048 2>openssl.log
openssl rsa -in sa.key -pubout -out sa.pub 2>>openssl.log
echo "$TOKEN,admin,admin,\"system:masters\"" >tokens.csv
cat limited-tokens.csv >>tokens.csv

# What the kubelet writes outside of its folder.
mkdir -p logs docker etcd kubelet
mount --bind logs /var/log

again() { # name, program and arguments: anew whenever it ends
  local name=$1
  shift
  while :; do
    "$@" >>"$name.log" 2>&1 </dev/null || true
    sleep 0.2
  done &
}

# Pods get their account's token as they do on current clusters: one of their own, which ends.
accounts=--feature-gates=BoundServiceAccountTokenVolume=true
etcd_url="http://127.0.0.1:$((PORT + 1))" peer_url="http://127.0.0.1:$((PORT + 2))"
again etcd etcd --data-dir etcd --unsafe-no-fsync --listen-client-urls "$etcd_url" --advertise-client-urls "$etcd_url" \
  --listen-peer-urls "$peer_url" --initial-advertise-peer-urls "$peer_url" --initial-cluster "default=$peer_url"
again apiserver "$PROGRAMS/kube-apiserver" --etcd-servers="$etcd_url" --cert-dir=certificates --secure-port="$PORT" \
  --bind-address=127.0.0.1 --insecure-port=0 --service-cluster-ip-range=10.96.0.0/16 --token-auth-file=tokens.csv \
  --authorization-mode=RBAC --service-account-issuer=https://kubernetes.default.svc --allow-privileged=true \
  --service-account-key-file=sa.pub --service-account-signing-key-file=sa.key \
  "$accounts" --kubelet-preferred-address-types=InternalIP

dockerd --data-root "$FOLDER/docker/data" --exec-root "$FOLDER/docker/exec" --pidfile "$FOLDER/docker/pid" \
  --host "unix://$FOLDER/docker.sock" --bridge "$BRIDGE" --iptables=false --ip-masq=false --ip-forward=false \
  --cgroup-parent "$BRIDGE" >docker.log 2>&1 </dev/null &

until curl -sfk -H "Authorization: Bearer $TOKEN" "https://127.0.0.1:$PORT/readyz" >/dev/null; do sleep 0.1; done
secure=(--kubeconfig=kubeconfig --leader-elect=false --port=0 --bind-address=127.0.0.1 --cert-dir=certificates)
again controllers "$PROGRAMS/kube-controller-manager" "${secure[@]}" --secure-port=$((PORT + 3)) \
  --service-account-private-key-file=sa.key --root-ca-file=certificates/apiserver.crt "$accounts" --node-monitor-grace-period=5m --horizontal-pod-autoscaler-sync-period=2s \
  --kube-api-qps=500 --kube-api-burst=1000
again scheduler "$PROGRAMS/kube-scheduler" "${secure[@]}" --secure-port=$((PORT + 4))

docker() { command docker --host "unix://$FOLDER/docker.sock" "$@"; }
until docker version >/dev/null 2>&1; do sleep 0.1; done
DOCKER_HOST="unix://$FOLDER/docker.sock" bash "$here/test-images.sh"
# As the first process it has to be told to end.
mkdir -p image/bin
cp "$(command -v busybox)" image/bin/busybox
for name in sh sleep; do ln -s busybox "image/bin/$name"; done
tar -C image -cf - . | docker import --change \
  'ENTRYPOINT ["sh", "-c", "trap \"exit 0\" TERM; while :; do sleep 1000 & wait $!; done"]' - pause:local >/dev/null

cat >kubelet.yaml <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: { anonymous: { enabled: true }, webhook: { enabled: false } }
authorization: { mode: AlwaysAllow }
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
failSwapOn: false
makeIPTablesUtilChains: false
address: $ADDRESS
port: $((PORT + 5))
healthzPort: 0
syncFrequency: 5s
nodeStatusUpdateFrequency: 2s
kubeAPIQPS: 100
kubeAPIBurst: 200
eventRecordQPS: 100
eventBurst: 200
evictionHard: { nodefs.available: "1%", imagefs.available: "1%", memory.available: "50Mi" }
imageGCHighThresholdPercent: 100
YAML
again kubelet "$PROGRAMS/kubelet" --kubeconfig=kubeconfig --config=kubelet.yaml --root-dir="$FOLDER/kubelet" \
  --container-runtime=docker --docker-endpoint="unix://$FOLDER/docker.sock" --cert-dir=certificates \
  --experimental-dockershim-root-directory="$FOLDER/dockershim" --pod-infra-container-image=pause:local \
  --volume-plugin-dir="$FOLDER/plugins" --hostname-override=node1 --node-ip="$ADDRESS"
wait

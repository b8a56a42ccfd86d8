#!/usr/bin/env bash
# What is left of a cluster whose process was told to end at once: its folder, its bridge, its control groups.
# Arguments: the folder, the bridge.
set -u

for _ in $(seq 100); do
  rm -rf "$1" 2>/dev/null && break
  sleep 0.2
done
PATH="$PATH:/usr/sbin:/sbin" ip link delete "$2"
for _ in $(seq 20); do
  find /sys/fs/cgroup -maxdepth 2 -type d -name "$2" -exec find {} -depth -type d -exec rmdir {} \; 2>/dev/null
  [ -z "$(find /sys/fs/cgroup -maxdepth 2 -type d -name "$2" -print -quit)" ] && break
  sleep 0.2
done

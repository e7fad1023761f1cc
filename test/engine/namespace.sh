#!/usr/bin/env bash
# Holds the namespaces of one engine test: namespace.sh DIRECTORY CGROUP. Prints "ready PID" once they are set up, and
# takes everything down at the end of its standard input, however the test ended.
set -eu
directory=$1 cgroup=$2

# In the new mount and network namespace. Not a new process namespace: the daemon must see every process, as on a real host.
inside() {
  mkdir -p "$directory"/{run/docker/plugins,etc-docker,cgroup2,logs} /etc/docker
  mount --bind "$directory/run" /run
  mount --bind "$directory/etc-docker" /etc/docker
  mount -t cgroup2 none "$directory/cgroup2"
  mkdir -p "$directory/cgroup2/$cgroup/processes"
  ip link set lo up
  # As systemd has it: mounts made here appear in containers that hold the directory above.
  mount --make-rshared /
  echo "ready $$"
  cat >/dev/null
  echo 1 >"$directory/cgroup2/$cgroup/cgroup.kill"
}

if [ "${3:-}" = inside ]; then
  inside
  exit
fi
unshare --mount --net --propagation private bash "$0" "$directory" "$cgroup" inside || true
# The processes are dying: what they hold comes free within moments.
for _ in $(seq 100); do
  find /sys/fs/cgroup -depth -type d -path "*/$cgroup*" -exec rmdir {} + 2>/dev/null || true
  rm -rf --one-file-system "$directory" 2>/dev/null || true
  [ -e "$directory" ] || [ -n "$(find /sys/fs/cgroup -type d -name "$cgroup")" ] || exit 0
  sleep 0.1
done

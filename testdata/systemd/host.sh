# A throw-away Debian machine with a real systemd, in namespaces of this one. To be sourced by a script that
# sets -eu and runs as root:
#
#	boot BASE       boot it, on top of the Debian root BASE/root, which is made once by debootstrap
#	inside CMD...   run CMD in it
#	give FILE PATH  copy FILE into it
#	halt            end it; everything it changed is gone, since that was in memory

boot() {
	local base=$1 n
	if [ ! -e "$base/complete" ]; then
		rm -rf "$base/root"
		mkdir -p "$base"
		debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,curl,iproute2 bookworm "$base/root" >"$base/debootstrap.log" 2>&1 ||
			{ tail "$base/debootstrap.log" >&2; return 1; }
		touch "$base/complete"
	fi
	unshare --pid --mount --uts --ipc --net --cgroup --fork --kill-child bash -eu -c "$first_steps" first-steps "$base/root" >"$work/console" 2>&1 &
	outer=$!
	for ((n = 0; n < 300; n++)); do
		init=$(tr -d ' ' </proc/$outer/task/$outer/children) 2>/dev/null || true
		case $([ -n "$init" ] && inside systemctl is-system-running 2>/dev/null || true) in
		running | degraded) return 0 ;;
		esac
		sleep .1
	done
	tail "$work/console" >&2
	return 1
}

# What happens in the new namespaces before systemd takes over. Everything it writes goes into memory.
first_steps='
mount --make-rprivate /
new=$(mktemp -d /tmp/ifmatch-host.XXXXXX)
mount -t tmpfs tmpfs "$new"
mkdir "$new/upper" "$new/work" "$new/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$new/upper,workdir=$new/work" "$new/root"
cd "$new/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for dir in dev run tmp var/log; do mount -t tmpfs tmpfs $dir; done
mkdir dev/shm dev/pts
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
while read -r device numbers; do mknod -m 666 dev/$device c $numbers; done <<-END
	null 1 3
	zero 1 5
	full 1 7
	random 1 8
	urandom 1 9
	tty 5 0
END
ip link set lo up
exec env -i container=namespaces PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /lib/systemd/systemd --log-target=console
'
inside() {
	nsenter --target "$init" --pid --mount --uts --ipc --net --cgroup --root --wd "$@"
}

give() {
	inside sh -c 'mkdir -p "$(dirname "$1")" && cat >"$1"' sh "$2" <"$1"
}

halt() {
	[ -z "${init:-}" ] || kill -KILL "$init" 2>/dev/null || true
	wait "${outer:-}" 2>/dev/null || true
	rmdir /tmp/ifmatch-host.* 2>/dev/null || true
}

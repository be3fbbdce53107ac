# A throw-away Debian machine with a real systemd, in namespaces of this one. To be sourced by a script that
# sets -eu, runs as root and has a directory $work of its own:
#
#	boot BASE       boot it, on top of the Debian root BASE/root, which is made once by debootstrap
#	inside CMD...   run CMD in it
#	give FILE PATH  copy FILE into it
#	halt            end it; everything it changed is gone, since that was in memory
#
# Several can run at the same time: each has its own directory and its own control group. When the script dies, by
# SIGKILL, too, the machine dies with it.

packages=systemd,systemd-sysv,libpam-systemd,dbus,dbus-user-session,curl,iproute2,openssl

boot() {
	make_root "$1"
	mkdir "$work/cgroup" "$work/host"
	setpriv --pdeathsig KILL unshare --mount bash -eu -c "$own_group" own-group "$work" "$1/root" "$first_steps" >"$work/console" 2>&1 &
	outer=$!
	until booted; do
		[ "$SECONDS" -lt "${boot_by:=$((SECONDS + 240))}" ] && kill -0 $outer 2>/dev/null && sleep .1 && continue
		tail "$work/console" >&2
		echo "no systemd could be booted: that takes root, and a kernel that lets it make namespaces, mount overlay and cgroup2" >&2
		return 1
	done
}

# make_root BASE: other runs wait for the one that makes it. Half a root is thrown away.
make_root() {
	mkdir -p "$1"
	exec 8>"$1/lock"
	flock 8
	if [ "$(cat "$1/complete" 2>/dev/null)" != "$packages" ]; then
		rm -rf "$1/root" "$1/complete"
		debootstrap --variant=minbase --include="$packages" bookworm "$1/root" >"$1/debootstrap.log" 2>&1 || {
			tail "$1/debootstrap.log" >&2
			echo "no Debian root could be made" >&2
			return 1
		}
		echo "$packages" >"$1/complete"
	fi
	exec 8>&-
}

# booted: what runs is the new systemd, and not yet the shell that makes its place.
booted() {
	init=$(tr -d ' ' <"/proc/$outer/task/$outer/children") 2>/dev/null && [ -n "$init" ] || return 1
	inside test -e /etc/ifmatch-host 2>/dev/null || return 1
	case $(inside systemctl is-system-running 2>/dev/null || true) in
	running | degraded) return 0 ;;
	esac
	return 1
}

# A control group for all of it. Who makes it stays outside, so that systemd finds the group empty.
own_group='
mount -t cgroup2 cgroup2 "$1/cgroup"
mkdir "$1/cgroup/${1##*/}"
exec unshare --pid --mount --uts --ipc --net --fork --kill-child bash -eu -c '\''
	echo 0 >"$1/cgroup/${1##*/}/cgroup.procs"
	exec unshare --cgroup bash -eu -c "$3" first-steps "$1/host" "$2"
'\'' enter "$@"
'

# What happens in the new namespaces before systemd takes over. Everything it writes goes into memory.
first_steps='
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
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
touch etc/ifmatch-host
# systemd does this itself, but not in containers; credentials reach a unit by it.
mount --make-rshared "$1/root"
exec env -i container=namespaces PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /lib/systemd/systemd --log-target=journal
'
inside() {
	nsenter --target "$init" --pid --mount --uts --ipc --net --cgroup --root --wd "$@"
}

give() {
	inside sh -c 'mkdir -p "$(dirname "$1")" && cat >"$1"' sh "$2" <"$1"
}

halt() {
	[ -n "${outer:-}" ] || return 0
	kill -KILL "${init:-$outer}" 2>/dev/null || true
	wait "$outer" 2>/dev/null || true
	unshare --mount bash -c 'mount -t cgroup2 cgroup2 "$1/cgroup" && find "$1/cgroup/${1##*/}" -depth -type d -exec rmdir {} +' group "$work" 2>/dev/null || true
}

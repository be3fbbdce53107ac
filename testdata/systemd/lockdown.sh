# Part of run.sh: the units are sound, and what they leave open is little and said why.

inside useradd -m anna

judge "the units are sound"
for unit in ifmatch.service ifmatch.socket ifmatch@anna.service; do
	quiet inside systemd-analyze verify --man=no $unit
	[ ! -s "$work/output" ] || { cat "$work/output" >&2; fail "$unit"; }
done
quiet inside env XDG_RUNTIME_DIR=/run HOME=/root systemd-analyze verify --man=no --user /usr/lib/systemd/user/ifmatch.service

# locked_down UNIT FILE
locked_down() {
	local exposure name
	exposure=$(inside systemd-analyze security --no-pager $1 | sed -n "s/.*exposure level for $1: \([0-9.]*\).*/\1/p")
	echo "exposure of $1: $exposure"
	awk -v e="$exposure" 'BEGIN { exit !(e != "" && e <= 1.5) }' || { inside systemd-analyze security --no-pager $1 >&2; fail "more than 1.5"; }
	inside systemd-analyze security --json=short $1 | grep -o '"set":false,"name":"[A-Za-z]*=' | cut -d'"' -f6 | sort -u >"$work/loose"
	[ -s "$work/loose" ] || fail "nothing is loose: nobody would believe that"
	while read -r name; do
		inside grep -q "^#.*\b$name" /usr/lib/systemd/system/$2 </dev/null || fail "$2 does not say why $name is loose"
	done <"$work/loose"
}

judge "the units are locked down to an exposure of 1.5, and each loose line says why"
locked_down ifmatch.service ifmatch.service
locked_down ifmatch@anna.service ifmatch@.service

judge "it cannot write its configuration, or see a home"
same "$(status $url/a)" 200
sees() { inside nsenter --target "$(property MainPID)" --mount --root --wd=/ --setuid "$(inside id -u ifmatch)" --setgid "$(inside id -g ifmatch)" "$@"; }
sees test -r /etc/ifmatch/ifmatch.toml -a -w /srv/ifmatch -a -w /var/lib/ifmatch || fail "it has not what it needs"
! sees test -w /etc/ifmatch/ifmatch.toml -o -w /etc/ifmatch/users -o -w /usr/bin/ifmatch -o -e /home/anna || fail "it has more than it needs"

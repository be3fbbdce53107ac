# Part of run.sh: restart under load, crash, watchdog, stop and start.

judge "nobody is refused while it is restarted under load, and locks are kept"
token=$(lock $url/a)
[ -n "$token" ] || fail "no lock"
cat >"$work/load" <<-'END'
	# load NAME: writes and reads, and notes each round in a line, until /tmp/enough is there
	while [ ! -e /tmp/enough ]; do
		curl -sS -m 120 -o /dev/null -f -T /etc/hostname "http://127.0.0.1:8080/load$1" &&
			curl -sS -m 120 -o /dev/null -f "http://127.0.0.1:8080/load$1" || exit 1
		echo >>"/tmp/rounds$1"
	done
END
give "$work/load" /tmp/load
rounds() { inside sh -c 'cat /tmp/rounds$1 2>/dev/null | wc -l' sh "$1"; }
# further CLIENT ROUNDS: it has come so far, or it has failed
further() {
	[ "$(rounds "$1")" -ge "$2" ] && return
	kill -0 "${pids[$1]}" 2>/dev/null || fail "client $1: $(cat "$work/client$1")"
	return 1
}
for client in 1 2 3; do inside sh /tmp/load $client >"$work/client$client" 2>&1 & pids[client]=$!; done
for n in 1 2 3; do
	for client in 1 2 3; do soon further $client $(($(rounds $client) + 3)); done
	inside systemctl restart ifmatch.service
done
for client in 1 2 3; do soon further $client $(($(rounds $client) + 3)); done
inside touch /tmp/enough
for client in 1 2 3; do wait "${pids[client]}" || fail "client $client: $(cat "$work/client$client")"; done
echo "rounds: $(rounds 1) $(rounds 2) $(rounds 3)"
same "$(status -T /etc/hostname $url/a)" 423
same "$(status -T /etc/hostname -H "If: ($token)" $url/a)" 204

judge "a crash: it is started again, with its locks"
before=$(property MainPID)
inside sh -c 'kill -KILL "$1"' sh "$before"
soon started_again "$before"
same "$(status -T /etc/hostname $url/a)" 423

judge "beside it: root lists and breaks locks, and the digests of its files are made and used"
operator="ifmatch locks --state /var/lib/ifmatch"
[ -n "$(lock $url/broken)" ] || fail "no lock"
same "$(inside $operator | awk 'NR > 1 { print $2, $3, $4, $5 }')" $'/ /a infinity exclusive\n/ /broken infinity exclusive'
quiet inside ifmatch locks break --state /var/lib/ifmatch /broken
soon logged 'a lock was broken.*by=root path=/broken' # the journal has it a moment later
same "$(status -T /etc/hostname $url/broken)" 204
! inside runuser -u nobody -- $operator 2>/dev/null || fail "nobody can list locks"
quiet inside runuser -u ifmatch -- ifmatch hash --state /var/lib/ifmatch /srv/ifmatch
inside runuser -u ifmatch -- ifmatch scrub --state /var/lib/ifmatch /srv/ifmatch | grep -q ' 0 rotten, 0 unknown, 0 could' || fail "scrub does not use the digests"

judge "a server that hangs: the watchdog kills it and it is started again"
dropin ifmatch.service $'[Service]\nWatchdogSec=10\nTimeoutAbortSec=1'
inside systemctl restart ifmatch.service
before=$(property MainPID)
first=$(property WatchdogTimestampMonotonic)
outlived() { [ "$(property WatchdogTimestampMonotonic)" -gt $((first + 11000000)) ]; }
soon outlived
same "$(property MainPID)" "$before" # it lives while it serves, also for longer than WatchdogSec
inside sh -c 'kill -STOP "$1"' sh "$before"
soon started_again "$before"
soon logged 'Watchdog timeout'
same "$(status $url/a)" 200
inside rm /run/systemd/system/ifmatch.service.d/test.conf
inside systemctl daemon-reload

judge "stop, and start"
quiet inside systemctl stop ifmatch.socket ifmatch.service
same "$(property ActiveState) $(property Result)" "inactive success"
same "$(status $url/a)" 000
inside systemctl start ifmatch.service
same "$(property ActiveState)" active
same "$(status $url/a)" 200

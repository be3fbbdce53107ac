# Part of run.sh: one commented file is edited, as an operator would, and read again; secrets come as credentials.

conf=/etc/ifmatch/ifmatch.toml
inside cp $conf /tmp/shipped.toml

judge "reload: users, and then another prefix; the process and its locks stay"
before=$(property MainPID)
inside sh -c 'echo secret | ifmatch passwd /etc/ifmatch/users anna'
same "$(inside stat -c '%U:%G %a' /etc/ifmatch/users)" "root:ifmatch 640"
set_line $conf '^# \(users = .*\)' '\1'
inside systemctl reload ifmatch.service
guarded() { [ "$(status $url/a)" = 401 ]; }
soon guarded
same "$(status -u anna:secret $url/a)" 200
same "$(status -u anna:secret -T /etc/hostname $url/a)" 423
set_line $conf '^prefix = "/"' 'prefix = "/one"'
inside systemctl reload ifmatch.service
moved() { [ "$(status -u anna:secret $url/one/a)" = 200 ]; }
soon moved
same "$(status -u anna:secret -T /etc/hostname $url/one/a)" 423
same "$(property MainPID)" "$before"

judge "reload: a file with a mistake changes nothing, and the log says so"
set_line $conf '^prefix = "/one"' 'prefix = one'
inside systemctl reload ifmatch.service || true
soon logged 'not reloaded.*ifmatch.toml:'
inside journalctl -o cat -p err -u ifmatch.service | grep 'not reloaded' >/dev/null || fail "the journal does not take it for an error"
told() { property StatusText | grep 'not reloaded.*ifmatch.toml:' >/dev/null; }
soon told
same "$(status -u anna:secret $url/one/a)" 200
same "$(property MainPID) $(property ActiveState)" "$before active"

judge "a mistake at the start: it does not start, and its log says file and line; mended, it does"
inside systemctl stop ifmatch.socket ifmatch.service
! inside systemctl start ifmatch.service 2>/dev/null || fail "it started"
soon logged '^ifmatch: .*ifmatch.toml:[0-9]*: '
inside journalctl -o cat -p err -u ifmatch.service | grep '^ifmatch: ' >/dev/null || fail "the journal does not take it for an error"
set_line $conf '^prefix = one' 'prefix = "/one"'
soon moved

judge "a mistake while clients come: they wait, and are answered when it is mended"
inside systemctl stop ifmatch.service 2>/dev/null
inside systemctl start ifmatch.socket
dropin ifmatch.service $'[Service]\nRestartSec=100ms'
set_line $conf '^prefix = "/one"' 'prefix = one'
status -u anna:secret $url/one/a >"$work/waited" &
often() { [ "$(property NRestarts)" -gt 5 ]; } # more than systemd lets a service by default
soon often
set_line $conf '^prefix = one' 'prefix = "/one"'
wait $!
same "$(cat "$work/waited") $(property ActiveState ifmatch.socket)" "200 active"
inside rm /run/systemd/system/ifmatch.service.d/test.conf
inside systemctl daemon-reload

judge "secrets that only root may read come as credentials"
inside sh -c 'umask 077 && cd /etc/ifmatch && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost -keyout tls.key -out tls.crt 2>/dev/null && chown root:root users && chmod 600 users'
inside cp /tmp/shipped.toml $conf
credentials=/run/credentials/ifmatch.service
set_line $conf '^# users = .*' "users = \"$credentials/users\""
set_line $conf '^# tls-cert = .*' "tls-cert = \"$credentials/tls.crt\""
set_line $conf '^# tls-key = .*' "tls-key = \"$credentials/tls.key\""
inside systemctl restart ifmatch.service
https=https://localhost:8080
inside cp /etc/ifmatch/tls.crt /tmp/ca.crt
same "$(status --cacert /tmp/ca.crt --resolve localhost:8080:127.0.0.1 $https/a)" 401
same "$(status --cacert /tmp/ca.crt --resolve localhost:8080:127.0.0.1 -u anna:secret $https/a)" 200
quiet inside ifmatch check-config $conf
same "$(inside stat -c '%U %a' /etc/ifmatch/users /etc/ifmatch/tls.key | sort -u)" "root 600"
! inside runuser -u ifmatch -- cat /etc/ifmatch/tls.key 2>/dev/null || fail "the user ifmatch can read the key of root"

inside systemctl stop ifmatch.service
inside sh -c 'rm /etc/ifmatch/tls.* && : >/etc/ifmatch/users && chgrp ifmatch /etc/ifmatch/users && chmod 640 /etc/ifmatch/users && cp /tmp/shipped.toml /etc/ifmatch/ifmatch.toml'

# Part of run.sh: the package is upgraded, removed and purged.

apt() { quiet inside env DEBIAN_FRONTEND=noninteractive apt-get "$@"; }

judge "an upgrade keeps the edited file, restarts the service, and refuses nobody"
# The next version: the same, with a line more in the file that the operator has edited, too.
dpkg-deb -R "$package" "$work/next"
sed -i 's/^Version: .*/&+next/' "$work/next/DEBIAN/control"
echo "# next" >>"$work/next/etc/ifmatch/ifmatch.toml"
dpkg-deb --root-owner-group -Znone --build "$work/next" "$work/next.deb" >/dev/null
give "$work/next.deb" /tmp/next.deb
set_line /etc/ifmatch/ifmatch.toml '^# log-format = .*' 'log-format = "json"'
edited=$(inside sha256sum /etc/ifmatch/ifmatch.toml)
inside systemctl start ifmatch.socket ifmatch.service ifmatch@anna.service
before=$(property MainPID) home=$(property MainPID ifmatch@anna.service)
token=$(lock $url/upgraded)
inside rm /tmp/enough
inside sh /tmp/load 4 >"$work/client4" 2>&1 & pids[4]=$!
soon further 4 2
apt install -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold /tmp/next.deb
soon further 4 $(($(rounds 4) + 3))
inside touch /tmp/enough
wait "${pids[4]}" || fail "$(cat "$work/client4")"
same "$(inside sha256sum /etc/ifmatch/ifmatch.toml)" "$edited"
soon started_again "$before"
[ "$(property MainPID ifmatch@anna.service)" != "$home" ] || fail "the service of anna's home was not restarted"
same "$(status -T /etc/hostname $url/upgraded)" 423

judge "the same version again, and an upgrade while it is stopped, start nothing"
inside systemctl stop ifmatch.socket ifmatch.service ifmatch@anna.service
apt install -y --reinstall -o Dpkg::Options::=--force-confold /tmp/next.deb
same "$(inside systemctl is-active ifmatch.service ifmatch.socket || true)" $'inactive\ninactive'

judge "remove takes the program and leaves files, state and configuration"
quiet inside systemctl enable --now ifmatch.socket ifmatch.service ifmatch@anna.service
apt remove -y ifmatch
inside test ! -e /usr/bin/ifmatch -a ! -e /usr/lib/systemd/system/ifmatch.service -a -s /etc/ifmatch/ifmatch.toml -a -d /var/lib/ifmatch -a -s /srv/ifmatch/a
same "$(inside systemctl is-active ifmatch.service ifmatch.socket ifmatch@anna.service || true)" $'inactive\ninactive\ninactive'
same "$(inside find /etc/systemd/system -name 'ifmatch*')" ""

judge "purge takes configuration and state, and leaves the files"
apt purge -y ifmatch
inside test ! -e /etc/ifmatch -a ! -e /var/lib/ifmatch -a -s /srv/ifmatch/a -a -s /home/anna/mine
inside getent passwd ifmatch >/dev/null || fail "the files have lost their owner"

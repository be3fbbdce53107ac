# Part of run.sh: a full disk, and a root that cannot be written.

judge "a full disk: 507, the old file stays, and so does the service"
inside mount -t tmpfs -o size=1M,mode=2750,uid="$(inside id -u ifmatch)",gid="$(inside id -g ifmatch)" tmpfs /srv/ifmatch
inside systemctl start ifmatch.service
before=$(property MainPID)
same "$(status -T /etc/hostname $url/small)" 201
# Little more than fits: what is left when 507 goes out is still read, so that no client misses the answer.
inside sh -c 'head -c 1200000 /dev/zero >/tmp/large'
same "$(status -T /tmp/large $url/small)" 507
same "$(inside cat /srv/ifmatch/small)" "$(inside cat /etc/hostname)"
same "$(status -T /etc/hostname $url/small)" 204
same "$(property MainPID)" "$before"
inside systemctl stop ifmatch.service
inside umount /srv/ifmatch

judge "a full disk for the state: a property is refused with 507, and files are served as before"
inside mount -t tmpfs -o size=1M,mode=700 tmpfs /var/lib/ifmatch
inside systemctl start ifmatch.service
before=$(property MainPID)
cat >"$work/properties" <<-'END'
	# properties: sets one after the other until the disk is full; at most twice as much as fits
	for n in $(seq 300); do
		value=$(head -c 6000 /dev/zero | tr '\0' x)
		answer=$(curl -sS -m 120 -X PROPPATCH http://127.0.0.1:8080/a -d "<propertyupdate xmlns='DAV:'><set><prop><p$n xmlns='urn:x'>$value</p$n></prop></set></propertyupdate>")
		case $answer in
		*'HTTP/1.1 507'*) exit 0 ;;
		*'HTTP/1.1 200'*) ;;
		*) echo "$answer"; exit 1 ;;
		esac
	done
	exit 1
END
give "$work/properties" /tmp/properties
quiet inside sh /tmp/properties
same "$(status $url/a)" 200
same "$(status -T /etc/hostname $url/beside)" 201
same "$(property MainPID)" "$before"
inside systemctl stop ifmatch.service
inside umount /var/lib/ifmatch

judge "a read-only root: state and files are all that is written"
inside mount -t tmpfs tmpfs /var/lib/ifmatch
inside mount --bind /srv/ifmatch /srv/ifmatch
inside mount -o remount,bind,ro /
! inside touch /etc/writable 2>/dev/null || fail "the root can be written"
inside systemctl start ifmatch.service
same "$(status -T /etc/hostname $url/readonly)" 201
inside systemctl stop ifmatch.service
inside mount -o remount,bind,rw /
inside umount /srv/ifmatch /var/lib/ifmatch

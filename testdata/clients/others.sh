# Our command line against other people's servers, as Debian ships them: get, put, edit, ls and rm lose nothing,
# and doctor says of each what is true of it.
. "$(dirname "$0")/lib.sh"
. "$here/servers.sh"

mkdir -p "$DIR"
chmod 777 "$DIR" # Apache and lighttpd need not be root

# says STATUS WORDS COMMAND...: the command ends with the status and says the words.
says() {
	local want=$1 words=$2 got=0
	shift 2
	"$IFMATCH" "$@" >"$WORK/said" 2>&1 || got=$?
	[ "$got" = "$want" ] || fail "$*: exit code $got, want $want: $(cat "$WORK/said")"
	grep -qF -- "$words" "$WORK/said" || fail "$*: want \"$words\" in: $(cat "$WORK/said")"
}

# theirs TEXT URL: somebody else saves, late enough for tags that are made of whole seconds.
theirs() {
	sleep 1.1
	printf %b "$1" | curl -sf -o /dev/null -T - "$2"
}

# edits SCRIPT: $EDITOR is this, the first time after somebody else saved what is in the file theirs.
edits() {
	rm -f "$WORK/raced"
	cat >"$WORK/editor" <<EOF
set -e
if [ -e "$WORK/theirs" ] && [ ! -e "$WORK/raced" ]; then
	touch "$WORK/raced"
	sleep 1.1
	curl -sf -o /dev/null -T "$WORK/theirs" "\$URL"
fi
$1
EOF
	export EDITOR="sh $WORK/editor"
}

# works NAME URL: the commands, with two people.
works() {
	local name=$1 URL=$2list.txt mine=$WORK/$1-mine other=$WORK/$1-other
	export URL
	step "$name: put, get, edit, ls, rm"
	printf 'milk\neggs\nbread\n' >"$mine"
	says 0 created put "$mine" "$URL"
	says 3 'was not made from it' put /etc/hostname "$URL"
	says 0 fetched get "$URL" "$other"
	theirs 'milk\neggs\nbread\nsoap\n' "$URL"
	says 3 'has changed since you fetched it' put "$other" "$URL"
	says 0 'overwriting' put --force "$mine" "$URL"
	printf 'milk\neggs\nBREAD\n' >"$WORK/theirs"
	edits 'sed -i s/milk/MILK/ "$1"'
	says 0 'both edits are merged' edit "$URL"
	equal "$(curl -s "$URL" | tr '\n' ' ')" 'MILK eggs BREAD ' "what $name has after the merge"
	printf 'oat milk\neggs\nBREAD\n' >"$WORK/theirs"
	edits 'if grep -q "^<<<<<<< yours" "$1"; then sed -i "/^<<<<<<< /d; /^=======$/d; /^>>>>>>> /d" "$1"; else sed -i "s/MILK/goat MILK/" "$1"; fi'
	says 0 'in one place both of you changed the same lines' edit "$URL"
	equal "$(curl -s "$URL" | tr '\n' ' ')" 'goat MILK oat milk eggs BREAD ' "what $name has after the conflict"
	if [ "$name" = nginx ]; then
		says 1 'has no WebDAV' ls "$2"
	else
		says 0 list.txt ls "$2"
	fi
	says 0 deleting rm "$URL"
	says 4 404 get "$URL" "$WORK/gone"
}

# examine NAME URL: the card is in $WORK/card, the exit code in code, the scratch collection is gone, and nothing
# else was touched.
examine() {
	code=0
	step "$1: doctor"
	echo mine >"$DIR/bystander"
	"$IFMATCH" doctor "$2" >"$WORK/card" || code=$?
	cat "$WORK/card"
	equal "$(ls -A "$DIR")" bystander "what is left in the directory of $1"
	holds "$DIR/bystander" mine
}

# found VERDICT CHECK...: the card says so of each check.
found() {
	local verdict=$1 check
	shift
	for check; do
		grep -qE "^  $verdict +$check\$" "$WORK/card" || fail "the card does not say $verdict: $check"
	done
}

port=$(free_port)
start_nginx nginx-dav <<EOF
	server {
		listen 127.0.0.1:$port;
		root $DIR;
		location / { dav_methods PUT DELETE MKCOL COPY MOVE; }
	}
EOF
eventually "nginx does not answer" curl -s "http://127.0.0.1:$port/"
works nginx "http://127.0.0.1:$port/"
examine nginx "http://127.0.0.1:$port/"
equal "$code" 1 "the exit code for nginx"
found right 'a resource has a strong entity-tag' 'If-None-Match on GET saves the transfer of what has not changed' \
	'PUT with the current If-Match is carried out' 'an upload that breaks off leaves the old bytes' \
	'a reader during an upload gets the old bytes, whole'
found WRONG 'PUT with a stale If-Match is refused' 'PUT with If-None-Match: \* does not overwrite' \
	'PUT with If-Match does not create' 'PUT with an old If-Unmodified-Since is refused' \
	'DELETE with a stale If-Match is refused' 'of many who create one name at once, one succeeds' \
	'of many who save over one state at once, one succeeds'
found - 'a lock keeps others from writing' 'If with a stale tag is refused'
grep -q 'why it matters: two people save at once, both are told that it worked, and one edit is gone' "$WORK/card" || fail "the card does not say why"
grep -q 'edits can be lost on this server' "$WORK/card" || fail "the card does not sum up"

port=$(free_port)
mkdir -p "$WORK/lighttpd"
chmod 777 "$WORK/lighttpd"
cat >"$WORK/lighttpd.conf" <<EOF
server.modules = ( "mod_webdav" )
server.bind = "127.0.0.1"
server.port = $port
server.document-root = "$DIR"
server.upload-dirs = ( "$WORK/lighttpd" )
mimetype.assign = ( ".txt" => "text/plain" )
webdav.activate = "enable"
webdav.is-readonly = "disable"
webdav.sqlite-db-name = "$WORK/lighttpd/webdav.db"
EOF
lighttpd -D -f "$WORK/lighttpd.conf" &
eventually "lighttpd does not answer" curl -s "http://127.0.0.1:$port/"
works lighttpd "http://127.0.0.1:$port/"
examine lighttpd "http://127.0.0.1:$port/"
equal "$code" 0 "the exit code for lighttpd"
found right 'PUT with a stale If-Match is refused' 'PUT with If-None-Match: \* does not overwrite' \
	'of many who save over one state at once, one succeeds' 'a counter that many increment with If-Match loses no increment' \
	'a lock keeps others from writing' 'If with a stale tag is refused' 'MOVE with Overwrite: F does not overwrite'
grep -q ' 0 wrong, .* 0 unclear: edits are safe' "$WORK/card" || fail "the card does not sum up"

port=$(free_port)
mkdir -p "$WORK/dav"
chmod 777 "$WORK/dav"
start_apache apache-dav mime dav dav_fs <<EOF
Listen 127.0.0.1:$port
TypesConfig /etc/mime.types
DocumentRoot "$DIR"
DavLockDB "$WORK/dav/locks"
<Location />
	Require all granted
	Dav On
</Location>
EOF
eventually "Apache does not answer" curl -s "http://127.0.0.1:$port/"
works Apache "http://127.0.0.1:$port/"
# It checks first and stores later. Nearly every examination meets somebody in between.
for n in 1 2 3 4 5; do
	examine Apache "http://127.0.0.1:$port/"
	[ "$code" = 0 ] || break
done
equal "$code" 1 "the exit code for Apache"
found right 'PUT with a stale If-Match is refused' 'PUT with If-None-Match: \* does not overwrite' \
	'DELETE with a stale If-Match is refused' 'MOVE with Overwrite: F does not overwrite' 'a lock keeps others from writing' \
	'If with the right token and a stale tag is refused' 'an upload that breaks off leaves the old bytes'
if grep '^  WRONG' "$WORK/card" | grep -vE 'of many who (create one name|save over one state) at once, one succeeds|a counter that many increment'; then
	fail "Apache is wrong in more than races"
fi

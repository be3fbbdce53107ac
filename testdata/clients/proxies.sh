# Proxies in front of us: those of README, and compressing ones, as Debian ships them.
#
# A proxy that compresses an answer respells its entity-tag (W/"t", "t-gzip"), and a client that saves with
# what it was told would get 412 for ever. --proxy-tags takes our own tag back in that spelling.
. "$(dirname "$0")/lib.sh"
. "$here/servers.sh"

proxying=(authz_user authn_core authn_file auth_basic filter deflate proxy proxy_http http2 socache_shmcb ssl headers env)

# save STATUS TAG URL WHAT: a save of a longer text with If-Match.
save() {
	echo more >>"$WORK/text.txt"
	equal "$(status -T "$WORK/text.txt" -H "If-Match: $2" "$3")" "$1" "$4"
}

# through NAME PROXY: a client that accepts gzip reads, saves with the tag it was told, and saves again with
# that stale tag. Then our own current tag in each spelling.
through() {
	local name=$1 proxy=$2 tag
	step "$name"
	eventually "$name does not answer" curl -sf "$proxy"
	seq 1 2000 >"$WORK/text.txt"
	equal "$(status -T "$WORK/text.txt" -H 'If-None-Match: *' "$proxy$name.txt")" 201 "create through $name"
	curl -s -H 'Accept-Encoding: gzip' -D "$WORK/header" -o "$WORK/body" "$proxy$name.txt"
	grep -i '^cache-control:.*no-transform' "$WORK/header" || fail "no-transform is missing behind $name"
	tag=$(tr -d '\r' <"$WORK/header" | sed -n 's/^[Ee][Tt]ag: //p')
	echo "coding: $(grep -i '^content-encoding' "$WORK/header" || echo none); tag here $(etag "$URL$name.txt"), behind $name $tag"
	save 204 "$tag" "$proxy$name.txt" "save through $name with $tag"
	save 412 "$tag" "$proxy$name.txt" "save through $name with the stale $tag"
	tag=$(etag "$URL$name.txt")
	save 204 "\"${tag//\"/}-gzip\"" "$URL$name.txt" "Apache's spelling"
	tag=$(etag "$URL$name.txt")
	save 204 "\"${tag//\"/};br\"" "$URL$name.txt" "the spelling with ;br"
	tag=$(etag "$URL$name.txt")
	save 204 "W/$tag" "$URL$name.txt" "nginx's spelling"
	save 412 "W/$tag" "$URL$name.txt" "nginx's spelling of a stale tag"
}

serve --proxy-tags
nginx_port=$(free_port)
start_nginx nginx <<EOF
	gzip on;
	gzip_min_length 1;
	gzip_proxied any;
	gzip_types text/plain;
	client_max_body_size 0;
	server {
		listen 127.0.0.1:$nginx_port;
		location / {
			proxy_pass $URL;
			proxy_http_version 1.1;
			proxy_request_buffering off;
			proxy_set_header Host \$http_host;
		}
	}
EOF
apache_port=$(free_port)
start_apache apache "${proxying[@]}" <<EOF
Listen 127.0.0.1:$apache_port
SetOutputFilter DEFLATE
ProxyPass / $URL
ProxyPreserveHost On
EOF
through nginx "http://127.0.0.1:$nginx_port/"
through apache "http://127.0.0.1:$apache_port/"

# A cache that passes a client's If-None-Match on, and takes the 304 for one about the bytes that it has, would show old bytes
# under the new tag. So none may keep them.
step "a proxy that caches"
cached_port=$(free_port)
mkdir -p "$WORK/cache"
chmod 777 "$WORK/cache"
start_apache caching proxy proxy_http cache cache_disk <<EOF
Listen 127.0.0.1:$cached_port
CacheRoot $WORK/cache
CacheEnable disk /
ProxyPass / $URL
ProxyPreserveHost On
EOF
cached=http://127.0.0.1:$cached_port/cached.txt
eventually "the cache does not answer" curl -sf -o "$WORK/body" "http://127.0.0.1:$cached_port/"
equal "$(echo old | status -T - "$cached")" 201 "create"
equal "$(curl -s "$cached")" old "what was created"
equal "$(echo new | status -T - "$cached")" 204 "save"
equal "$(status -H "If-None-Match: $(etag "${URL}cached.txt")" "$cached")" 304 "whoever saved has it"
equal "$(curl -s "$cached")" new "what somebody else gets"

step "without the setting a proxy's spelling matches nothing"
stop
serve
tag=$(etag "${URL}nginx.txt")
equal "$(status -T "$WORK/text.txt" -H "If-Match: W/$tag" "${URL}nginx.txt")" 412 "a weak tag in If-Match"
equal "$(status -T "$WORK/text.txt" -H "If-Match: $tag" "${URL}nginx.txt")" 204 "the tag itself"
stop
nothing_staged

# From here on: the examples of README, word for word but for ports, paths and the address of the server.
readme=$here/../../README.md

# block LANGUAGE N prints the N-th block of that language in README.
block() {
	awk -v fence='```'"$1" -v want="$2" '
		$0 == fence { n++; inside = 1; next }
		/^```/ { inside = 0 }
		inside && n == want' "$readme" >"$WORK/block"
	[ -s "$WORK/block" ] || fail "README has no block $1 number $2"
	cat "$WORK/block"
}

# here_is puts what is true here into an example.
here_is() {
	sed -e "s|http://127.0.0.1:8080|${URL%/}|g; s|127.0.0.1:8080|${URL:7:-1}|g" -e "s|/etc/ssl/files|$WORK/files|g" \
		-e "s|/etc/nginx/users|$WORK/htpasswd|; s|/etc/apache2/users|$WORK/htpasswd|" -e "s|/etc/ifmatch/users|$WORK/users|; s|/srv/dav|$DIR|" \
		-e "s|listen 443|listen 127.0.0.1:$1|; s|\*:443|127.0.0.1:$1|" -e "s|^files.example.org {|https://files.example.org:$1 {\n\ttls $WORK/files.crt $WORK/files.key|"
}

# log_in LANGUAGE is the first example with the second where README says.
log_in() {
	block "$1" 2 | here_is "$port" >"$WORK/part"
	block "$1" 1 | here_is "$port" | sed -e "/X-Remote-User/{r $WORK/part" -e 'd}'
}

# ask ARGS... is curl as a client of files.example.org, from an address of its own.
ask() {
	curl -s --cacert "$WORK/files.crt" --resolve "files.example.org:$port:127.0.0.1" --interface 127.0.0.9 "$@"
}
answer() { ask -o "$WORK/body" -D "$WORK/header" -w '%{http_code}' "$@"; }
field() { tr -d '\r' <"$WORK/header" | sed -n "s/^$1: //Ip" | tail -n 1; }

# behind NAME: what README promises of a proxy, at https://files.example.org:$port/dav/.
behind() {
	local name=$1 base=https://files.example.org:$port/dav login=(-u anna:secret) tag old token
	step "$name, as README has it"
	eventually "$name does not answer" ask -o /dev/null "$base/"
	echo one >"$WORK/one"
	echo two >"$WORK/two"
	equal "$(answer "$base/")" 401 "no login"
	equal "$(answer -H 'X-Remote-User: anna' "$base/")" 401 "a client says who it is"
	equal "$(answer -u anna:wrong "$base/")" 401 "a wrong password"
	equal "$(answer "${login[@]}" "$base/")" 200 "the right password"
	eventually "the client's address is not in the log" grep -q 'status=200.*remote=127.0.0.9 user=anna' "$WORK/server.log"
	[ -n "${proxy_login:-}" ] || grep -q 'login failed.*remote=127.0.0.9' "$WORK/server.log" || fail "the address of who failed is not in the log"
	equal "$(answer "${login[@]}" -T "$WORK/one" -H 'If-None-Match: *' "$base/a%20%25%23é.txt")" 201 "create"
	old=$(field etag)
	equal "$(answer "${login[@]}" -T "$WORK/two" -H 'If-None-Match: *' "$base/a%20%25%23é.txt")" 412 "create what is there"
	equal "$(answer "${login[@]}" -T "$WORK/two" -H "If-Match: $old" "$base/a%20%25%23é.txt")" 204 "save"
	equal "$(answer "${login[@]}" -T "$WORK/one" -H "If-Match: $old" "$base/a%20%25%23é.txt")" 412 "stale save"
	equal "$(answer "${login[@]}" --compressed "$base/a%20%25%23é.txt")" 200 "read"
	tag=$(field etag)
	equal "$(field content-encoding)" "" "content coding"
	equal "$(cat "$WORK/body")" two "content"
	equal "$(answer "${login[@]}" -T "$WORK/one" -H "If-Match: $tag" "$base/a%20%25%23é.txt")" 204 "save with the tag of a GET"
	equal "$(ask "${login[@]}" -o /dev/null -w '%{http_version}' "$base/")" 2 "HTTP/2"
	equal "$(answer "${login[@]}" -X MKCOL "$base/c")" 201 "MKCOL"
	equal "$(answer "${login[@]}" -X COPY -H "Destination: $base/c/%C3%A9%20copy" "$base/a%20%25%23é.txt")" 201 "COPY"
	equal "$(answer "${login[@]}" -X MOVE -H "Destination: $base/c/moved" "$base/c/%C3%A9%20copy")" 201 "MOVE"
	equal "$(answer "${login[@]}" -X MOVE -H "Destination: https://elsewhere.example/dav/x" "$base/c/moved")" 502 "MOVE to elsewhere"
	equal "$(answer "${login[@]}" -X PROPFIND -H 'Depth: 1' "$base/c/")" 207 "PROPFIND"
	grep -q '<D:href>/dav/c/moved</D:href>' "$WORK/body" || fail "hrefs behind $name: $(cat "$WORK/body")"
	equal "$(answer "${login[@]}" -X LOCK -H 'Timeout: Second-60' --data-binary \
		'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>' "$base/c/moved")" 200 "LOCK"
	token=$(field lock-token)
	equal "$(answer "${login[@]}" -T "$WORK/two" "$base/c/moved")" 423 "save without the token"
	equal "$(answer "${login[@]}" -T "$WORK/two" -H "If: ($token)" "$base/c/moved")" 204 "save with the token"
	equal "$(answer "${login[@]}" -X UNLOCK -H "Lock-Token: $token" "$base/c/moved")" 204 "UNLOCK"
	head -c 20000000 /dev/urandom >"$WORK/large"
	equal "$(answer "${login[@]}" -T "$WORK/large" "$base/large")" 201 "a large upload"
	equal "$(answer "${login[@]}" --http1.1 -H 'Transfer-Encoding: chunked' -H 'Expect:' -T "$WORK/large" "$base/large2")" 201 "a large chunked upload"
	cmp "$WORK/large" "$DIR/large" && cmp "$WORK/large" "$DIR/large2"
	equal "$(answer "${login[@]}" "$base/large")" 200 "a large download"
	cmp "$WORK/large" "$WORK/body"
	equal "$(answer "${login[@]}" -X DELETE "$base/c")" 204 "DELETE"
	rm -r "${DIR:?}"/*
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=files.example.org \
	-addext subjectAltName=DNS:files.example.org -keyout "$WORK/files.key" -out "$WORK/files.crt" 2>/dev/null
chmod 644 "$WORK/files.key" # Debian's Caddy and Apache need not be root
echo secret | "$IFMATCH" passwd "$WORK/users" anna
echo "anna:$(openssl passwd -apr1 secret)" >"$WORK/htpasswd"
rm -rf "${DIR:?}"/*
CONFIG=$WORK/ifmatch.toml

URL=http://127.0.0.1:8080/ block toml 1 | here_is 0 >"$CONFIG"
serve
port=$(free_port)
start_nginx nginx-readme < <(block nginx 1 | here_is "$port")
behind nginx
port=$(free_port)
start_apache apache-readme "${proxying[@]}" < <(echo "Listen 127.0.0.1:$port" && block apache 1 | here_is "$port")
behind Apache
port=$(free_port)
{ printf '{\n\tadmin off\n\tauto_https off\n}\n' && block caddyfile 1 | here_is "$port"; } >"$WORK/Caddyfile"
caddy run --adapter caddyfile --config "$WORK/Caddyfile" 2>"$WORK/caddy.log" &
behind Caddy
stop

step "the proxy has people log in"
proxy_login=1
sed -i 's|^\[\[share\]\]|user-header = "X-Remote-User"\n&|; /^users/d' "$CONFIG"
serve
port=$(free_port)
start_nginx nginx-login < <(log_in nginx)
behind nginx
port=$(free_port)
start_apache apache-login "${proxying[@]}" < <(echo "Listen 127.0.0.1:$port" && log_in apache)
behind Apache
stop
nothing_staged

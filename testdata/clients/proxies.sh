# Compressing proxies in front of us: nginx with gzip on and Apache with mod_deflate, as Debian ships them.
# A proxy that compresses an answer respells its entity-tag (W/"t", "t-gzip"), and a client that saves with
# what it was told would get 412 for ever. --proxy-tags takes our own tag back in that spelling.
. "$(dirname "$0")/lib.sh"

# free_port prints a port of the loopback where nothing listens.
free_port() {
	local p
	while :; do
		p=$((20000 + RANDOM % 30000))
		(exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || break
	done
	echo "$p"
}

start_nginx() {
	mkdir -p "$WORK/nginx"
	cat >"$WORK/nginx/nginx.conf" <<EOF
daemon off;
user root;
pid $WORK/nginx/pid;
error_log $WORK/nginx/error.log;
events {}
http {
	include /etc/nginx/mime.types;
	access_log off;
	gzip on;
	gzip_min_length 1;
	gzip_proxied any;
	gzip_types text/plain;
	client_body_temp_path $WORK/nginx/body;
	proxy_temp_path $WORK/nginx/proxy; fastcgi_temp_path $WORK/nginx/f; uwsgi_temp_path $WORK/nginx/u; scgi_temp_path $WORK/nginx/s;
	client_max_body_size 0;
	server {
		listen 127.0.0.1:$1;
		location / {
			proxy_pass $URL;
			proxy_http_version 1.1;
			proxy_request_buffering off;
			proxy_set_header Host \$http_host;
		}
	}
}
EOF
	nginx -e "$WORK/nginx/error.log" -c "$WORK/nginx/nginx.conf" &
}

start_apache() {
	local m=/usr/lib/apache2/modules
	mkdir -p "$WORK/apache"
	cat >"$WORK/apache/httpd.conf" <<EOF
ServerRoot "$WORK/apache"
DefaultRuntimeDir "$WORK/apache"
PidFile "$WORK/apache/pid"
Listen 127.0.0.1:$1
ServerName 127.0.0.1
LoadModule mpm_event_module $m/mod_mpm_event.so
LoadModule authz_core_module $m/mod_authz_core.so
LoadModule filter_module $m/mod_filter.so
LoadModule deflate_module $m/mod_deflate.so
LoadModule proxy_module $m/mod_proxy.so
LoadModule proxy_http_module $m/mod_proxy_http.so
ErrorLog "$WORK/apache/error.log"
SetOutputFilter DEFLATE
ProxyPass / $URL
ProxyPreserveHost On
EOF
	/usr/sbin/apache2 -d "$WORK/apache" -f "$WORK/apache/httpd.conf" -DFOREGROUND &
}

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
start_nginx "$nginx_port"
apache_port=$(free_port)
start_apache "$apache_port"
through nginx "http://127.0.0.1:$nginx_port/"
through apache "http://127.0.0.1:$apache_port/"

step "without the setting a proxy's spelling matches nothing"
stop
serve
tag=$(etag "${URL}nginx.txt")
equal "$(status -T "$WORK/text.txt" -H "If-Match: W/$tag" "${URL}nginx.txt")" 412 "a weak tag in If-Match"
equal "$(status -T "$WORK/text.txt" -H "If-Match: $tag" "${URL}nginx.txt")" 204 "the tag itself"
stop
nothing_staged

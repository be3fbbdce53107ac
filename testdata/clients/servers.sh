# Sourced by scripts that need other people's servers, as Debian ships them, beside ours.

# free_port prints a port of the loopback where nothing listens, below those that connections get.
free_port() {
	local p
	while :; do
		p=$((20000 + RANDOM % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || break
	done
	echo "$p"
}

# start_nginx NAME reads directives of http from standard input.
start_nginx() {
	local dir=$WORK/$1
	mkdir -p "$dir"
	{
		cat <<EOF
daemon off;
user root;
pid $dir/pid;
error_log $dir/error.log;
events {}
http {
	include /etc/nginx/mime.types;
	access_log off;
	client_body_temp_path $dir/body;
	proxy_temp_path $dir/proxy; fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
EOF
		cat
		echo '}'
	} >"$dir/nginx.conf"
	nginx -e "$dir/error.log" -c "$dir/nginx.conf" &
}

# start_apache NAME MODULE... reads directives from standard input.
start_apache() {
	local dir=$WORK/$1 m
	shift
	mkdir -p "$dir"
	{
		cat <<EOF
ServerRoot "$dir"
DefaultRuntimeDir "$dir"
PidFile "$dir/pid"
ServerName 127.0.0.1
ErrorLog "$dir/error.log"
EOF
		for m in mpm_event authz_core "$@"; do
			echo "LoadModule ${m}_module /usr/lib/apache2/modules/mod_$m.so"
		done
		cat
	} >"$dir/httpd.conf"
	/usr/sbin/apache2 -d "$dir" -f "$dir/httpd.conf" -DFOREGROUND &
}

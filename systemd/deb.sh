#!/bin/bash
# Makes the Debian package: deb.sh BINARY OUTDIR. Needs dpkg-deb and gzip; `make deb` calls it.
set -euo pipefail

binary=$(realpath "$1") out=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# A build without a release tag is older than every release (deb-version(7)).
release=$("$binary" version | cut -d' ' -f2)
case $release in
v[0-9]*.[0-9]*) version=$(tr - + <<<"${release#v}") ;;
*) version=0~$(date -u +%Y%m%d)+$(tr -cd '[:alnum:].' <<<"$release") ;;
esac
arch=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
umask 022

put() { install -D -m "${3:-644}" "$1" "$root$2"; }
put "$binary" /usr/bin/ifmatch 755
for unit in ifmatch.service ifmatch.socket ifmatch@.service; do put "$here/$unit" /usr/lib/systemd/system/$unit; done
put "$here/user/ifmatch.service" /usr/lib/systemd/user/ifmatch.service
put "$here/ifmatch.sysusers" /usr/lib/sysusers.d/ifmatch.conf
put "$here/ifmatch.toml" /etc/ifmatch/ifmatch.toml
put "$here/../README.md" /usr/share/doc/ifmatch/README.md
put "$here/../LICENSE" /usr/share/doc/ifmatch/copyright

man=$root/usr/share/man/man1
mkdir -p "$man"
"$binary" man | gzip -9n >"$man/ifmatch.1.gz"
for command in $("$binary" --help | sed -n '/^Available Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' | grep -vx help); do
	"$binary" man "$command" | gzip -9n >"$man/ifmatch-$command.1.gz"
done
"$binary" man locks break | gzip -9n >"$man/ifmatch-locks-break.1.gz"
complete() { mkdir -p "$root$(dirname "$2")" && "$binary" completion "$1" >"$root$2"; }
complete bash /usr/share/bash-completion/completions/ifmatch
complete zsh /usr/share/zsh/vendor-completions/_ifmatch
complete fish /usr/share/fish/vendor_completions.d/ifmatch.fish

mkdir "$root/DEBIAN"
echo /etc/ifmatch/ifmatch.toml >"$root/DEBIAN/conffiles"
install -m 755 "$here/deb/"{postinst,prerm,postrm} "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<-END
	Package: ifmatch
	Version: $version
	Architecture: $arch
	Maintainer: ifmatch <root@localhost>
	Installed-Size: $(du -sk "$root" | cut -f1)
	Depends: systemd (>= 247)
	Section: web
	Priority: optional
	Description: serves a directory over HTTP and WebDAV and never loses an edit
	 A conditional write succeeds only if the file is still in the state that the
	 client named, and then it succeeds completely.
END
mkdir -p "$out"
dpkg-deb --root-owner-group --build "$root" "$out/ifmatch_${version}_$arch.deb" >/dev/null
echo "$out/ifmatch_${version}_$arch.deb"

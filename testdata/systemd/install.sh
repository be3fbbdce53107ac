# Part of run.sh: apt installs the package, and it serves as README says.

judge "apt installs the package: user, directories, the file to edit, manual pages, completion"
give "$package" /tmp/ifmatch.deb
quiet inside env DEBIAN_FRONTEND=noninteractive apt-get install -y /tmp/ifmatch.deb
same "$(inside stat -c '%U:%G %a' /srv/ifmatch)" "ifmatch:ifmatch 2750"
same "$(inside stat -c '%U:%G %a' /etc/ifmatch/users)" "root:ifmatch 640"
same "$(inside cat /var/lib/dpkg/info/ifmatch.conffiles)" /etc/ifmatch/ifmatch.toml
for file in /etc/ifmatch/ifmatch.toml /usr/share/bash-completion/completions/ifmatch \
	/usr/share/zsh/vendor-completions/_ifmatch /usr/share/fish/vendor_completions.d/ifmatch.fish; do
	inside test -s "$file" || fail "$file"
done
# The manual pages of a minimal Debian are not unpacked.
for page in ifmatch ifmatch-serve ifmatch-passwd ifmatch-check-config; do
	inside dpkg -L ifmatch | grep -x "/usr/share/man/man1/$page.1.gz" >/dev/null || fail "no manual page $page"
done
quiet inside ifmatch check-config /etc/ifmatch/ifmatch.toml
same "$(property UnitFileState) $(property UnitFileState ifmatch.socket)" "disabled disabled"

# The tests start it more often than an operator does within ten seconds.
dropin ifmatch.socket $'[Unit]\nStartLimitIntervalSec=0'

judge "the socket starts the service, and it is ready when it says so"
quiet inside systemctl enable --now ifmatch.socket
same "$(property ActiveState)" inactive
same "$(status -T /etc/hostname $url/a)" 201
same "$(property ActiveState)" active
same "$(property StatusText)" "serving $url/"
same "$(inside stat -c '%U:%G %a' /srv/ifmatch/a)" "ifmatch:ifmatch 640"
same "$(inside stat -c '%U %a' /var/lib/ifmatch)" "ifmatch 700"

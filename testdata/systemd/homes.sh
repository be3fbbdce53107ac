# Part of run.sh: one user's home as that user, by the system manager and by the user's own.

judge "one user's home, on a socket that is theirs"
inside systemctl start ifmatch@anna.service
same "$(status --unix-socket /run/ifmatch-anna/socket -T /etc/hostname http://home/mine)" 201
same "$(inside stat -c '%U %a' /home/anna/mine)" "anna 600"
same "$(inside stat -c '%U %a' /run/ifmatch-anna/socket)" "anna 700"
inside systemctl stop ifmatch@anna.service

judge "a user's own service, under the manager of the user, who is not logged in"
inside loginctl enable-linger anna
anna=$(inside id -u anna)
own() { inside runuser -u anna -- env XDG_RUNTIME_DIR=/run/user/$anna "$@"; }
manager_is_up() { own systemctl --user is-system-running 2>/dev/null | grep 'running\|degraded' >/dev/null; }
soon manager_is_up
own mkdir /home/anna/ifmatch
quiet own systemctl --user enable --now ifmatch
same "$(own systemctl --user is-active ifmatch)" active
same "$(own curl -s -m 120 -o /dev/null -w '%{http_code}' --unix-socket /run/user/$anna/ifmatch.socket -T /etc/hostname http://home/mine)" 201
same "$(inside stat -c '%U %a' /home/anna/ifmatch/mine)" "anna 600"
own systemctl --user restart ifmatch
same "$(own curl -s -m 120 -o /dev/null -w '%{http_code}' --unix-socket /run/user/$anna/ifmatch.socket http://home/mine)" 200
own systemctl --user stop ifmatch
same "$(own systemctl --user show -P Result ifmatch)" success
inside loginctl disable-linger anna

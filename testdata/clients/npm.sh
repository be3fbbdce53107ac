# webdav from npm: the library behind many browser and desktop apps; see npm/session.js.
. "$(dirname "$0")/lib.sh"

# Installed beside a copy of the session, so that the checkout stays as it is.
cp -r "$here/npm" "$WORK/npm"
cd "$WORK/npm"
npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --no-update-notifier --loglevel=error

serve
URL=$URL DIR=$DIR node session.js
nothing_staged
stop

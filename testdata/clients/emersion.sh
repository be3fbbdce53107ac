# emersion/go-webdav, a client library for Go: see emersion_test.go.
. "$(dirname "$0")/lib.sh"

serve
cd "$here"
URL=$URL DIR=$DIR go test -count=1 -v -run 'TestEmersion' .
nothing_staged
stop

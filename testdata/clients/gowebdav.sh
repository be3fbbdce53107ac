# studio-b12/gowebdav, a client library for Go: see gowebdav_test.go.
. "$(dirname "$0")/lib.sh"

serve
cd "$here"
URL=$URL DIR=$DIR go test -count=1 -v -run 'TestGowebdav' .
nothing_staged
stop

# Numbers and sizes, as the suites lockbomb and largefile of later litmus releases: see flood_test.go.
. "$(dirname "$0")/lib.sh"

serve
cd "$here"
URL=$URL DIR=$DIR go test -count=1 -v -run TestFloodLocks .
stop
# 2 GiB that are deleted at once need not go to the disk
serve --durability none
URL=$URL DIR=$DIR go test -count=1 -v -run TestFloodLargeFile .
nothing_staged
stop

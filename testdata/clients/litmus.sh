# litmus 0.13: the conformance tests of the neon library. Every test has to pass,
# none may be skipped, and no warning is given.
. "$(dirname "$0")/lib.sh"

serve
cd "$WORK"
litmus -k "$URL" >raw.log 2>&1 || true
# litmus draws each line twice, with a carriage return between
sed 's/.*\r//' raw.log | tee litmus.log

for suite in basic copymove props locks http; do
	grep -qE "^<- summary for .$suite': of ([0-9]+) tests run: \1 passed, 0 failed" litmus.log ||
		fail "$suite: not every test passed"
done
if grep -E 'SKIPPED|FAIL' litmus.log; then fail "tests were skipped or failed"; fi

if grep WARNING litmus.log; then fail "there were warnings"; fi
nothing_staged
stop

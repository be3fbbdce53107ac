# litmus 0.13: the conformance tests of the neon library. Every test has to pass, none may be skipped.
. "$(dirname "$0")/lib.sh"

# Warnings that are right to stand, as "test: text". Any other warning fails.
explained=(
	# A corrupted token in If matches no lock, so every list is false: 412 (RFC 4918 §10.4.1). litmus
	# accepts it and says that it had 423 in mind.
	'cond_put_corrupt_token WARNING: PUT failed with 412 not 423'
)

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

warnings=$(grep WARNING litmus.log | sed 's/^ *[0-9]*\. *//; s/\.\.* / /' || true)
for known in "${explained[@]}"; do
	warnings=$(grep -vxF "$known" <<<"$warnings" || true)
done
[ -z "$warnings" ] || fail "warnings without an explanation: $warnings"
nothing_staged
stop

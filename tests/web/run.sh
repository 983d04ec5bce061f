#!/usr/bin/env bash
# Runs the page's tests. Closing lines are those of node's own test runner.
#   tests/web/run.sh unit    reducer, connection, client: node alone
#   tests/web/run.sh mock    unit, and the page in Chromium against the mock gateway (default)
#   tests/web/run.sh stack   the main scenario against a running gateway: MR_URL=https://...
#   tests/web/run.sh barge   interruptions alone, measured, against a running gateway
# Environment: MR_URL; MR_VOICE_RUNS (spoken questions to measure, default 1); MR_BARGE_INS (interruptions to
# measure, default 2); MR_SHOTS (folder for screenshots and barge_in.json); MR_CHROMIUM (default
# /usr/bin/chromium).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
kRoot=$(cd ../.. && pwd)
readonly kRoot
readonly kSuite=${1:-mock}
export MR_SHOTS=${MR_SHOTS:-$kRoot/build/test-artifacts/web-$kSuite}

case $kSuite in
    unit) exec node --test --test-reporter=spec unit/*.test.mjs ;;
    mock) files=(unit/*.test.mjs browser/*.test.mjs) ;;
    stack | barge) files=(stack.test.mjs voice_stack.test.mjs barge_in.test.mjs)
        if [ "$kSuite" = barge ]; then files=(barge_in.test.mjs); fi
        if [ -z "${MR_URL:-}" ]; then
            echo "run.sh $kSuite: set MR_URL to the address of a running gateway, for example https://localhost:8443/" >&2
            exit 2
        fi ;;
    *) echo "run.sh: unknown suite $kSuite (known: unit mock stack barge)" >&2; exit 2 ;;
esac

chromium=${MR_CHROMIUM:-/usr/bin/chromium}
if [ ! -x "$chromium" ]; then
    echo "run.sh: no Chromium at $chromium: apt-get install chromium, or set MR_CHROMIUM" >&2
    exit 2
fi
# Installed again only when the lock file has changed.
stamp=node_modules/.installed
if ! cmp -s package-lock.json "$stamp"; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    cp package-lock.json "$stamp"
fi
if [ "$kSuite" = mock ]; then
    export MR_VENDOR=${MR_VENDOR:-$kRoot/build/vendor}
    "$kRoot/web/vendor.sh" "$MR_VENDOR"
fi
mkdir -p "$MR_SHOTS"
# One file at a time: browsers compete for few cores, and timings never decide.
exec node --test --test-concurrency=1 --test-reporter=spec "${files[@]}"

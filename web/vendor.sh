#!/usr/bin/env bash
# Fills a folder with the third-party files that the page can use: the Markdown lexer from Debian's
# libjs-marked, the chart libraries from npm. The page works without each of them, so nothing that
# is missing here is an error. Touches only the folder it is given.
#
#   web/vendor.sh [--retry] [--no-npm] TARGET
#
# Uses the network only when the chart libraries of the present lock file are not there yet and npm
# is; an attempt that failed is not made again for the same lock file, except with --retry.
# Prints one line for each file that is missing, with what the page does without it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
retry=0
use_npm=1
target=
for argument in "$@"; do
    case $argument in
        --retry) retry=1 ;;
        --no-npm) use_npm=0 ;;
        -*) echo "vendor.sh: unknown option $argument (known: --retry --no-npm)" >&2; exit 2 ;;
        *) target=$argument ;;
    esac
done
if [ -z "$target" ]; then
    echo "usage: web/vendor.sh [--retry] [--no-npm] TARGET" >&2
    exit 2
fi
mkdir -p "$target"
target=$(cd "$target" && pwd)

readonly kMarked=/usr/share/javascript/marked/marked.min.js
readonly kNpmSeconds=90
charts=(vega vega-lite vega-embed)

# Copies only what differs, through a temporary name: a server may be reading the folder.
install_file() {
    cmp -s "$1" "$2" && return 0
    cp -- "$1" "$2.new"
    chmod 644 "$2.new"
    mv -f -- "$2.new" "$2"
}

install_charts() {
    local stamp=$target/.charts lock state work chart
    lock=$(cksum <"$here/vendor/package-lock.json")
    state=$(cat "$stamp" 2>/dev/null || true)
    if [ "$state" = "installed $lock" ] && [ -f "$target/vega-embed.min.js" ]; then return 0; fi
    if [ "$use_npm" = 0 ] || ! command -v npm >/dev/null; then return 0; fi
    if [ "$state" = "failed $lock" ] && [ "$retry" = 0 ]; then return 0; fi
    work=$(mktemp -d)
    cp "$here/vendor/package.json" "$here/vendor/package-lock.json" "$work/"
    if (cd "$work" && timeout "$kNpmSeconds" npm ci --ignore-scripts --no-audit --no-fund \
        --fetch-retries=1 --fetch-timeout=20000 --loglevel=error) >"$work/log" 2>&1; then
        for chart in "${charts[@]}"; do
            install_file "$work/node_modules/$chart/build/$chart.min.js" "$target/$chart.min.js"
        done
        echo "installed $lock" >"$stamp"
    else
        echo "vendor.sh: npm could not install the chart libraries: $(grep -v '^npm warn' "$work/log" | head -n 1)" >&2
        echo "failed $lock" >"$stamp"
    fi
    rm -rf "$work"
}

if [ -f "$kMarked" ]; then install_file "$kMarked" "$target/marked.min.js"; fi
install_charts

if [ ! -f "$target/marked.min.js" ]; then
    echo "missing marked.min.js (Debian package libjs-marked): answers are shown as plain text"
fi
for chart in "${charts[@]}"; do
    if [ ! -f "$target/$chart.min.js" ]; then
        echo "missing $chart.min.js (npm): plain charts are drawn by the page itself, others as tables"
    fi
done

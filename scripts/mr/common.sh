# shellcheck shell=bash
# What every part of ./mr uses: messages, time, waiting with a deadline, running a logged step.
# Never starts, stops or installs anything by itself.

say() { printf '%s\n' "$*"; }

# One line that says what is wrong, one that says what helps.
complain() {
    printf 'mr: %s\n' "$1" >&2
    if [[ -n ${2:-} ]]; then
        printf '    cure: %s\n' "$2" >&2
    fi
}

die() {
    complain "$@"
    exit 1
}

now_ms() { printf '%s' $((${EPOCHREALTIME/[.,]/} / 1000)); }

seconds_since() { # START_MS -> "1.3"
    local passed=$(($(now_ms) - $1))
    printf '%d.%d' $((passed / 1000)) $((passed % 1000 / 100))
}

# wait_until DEADLINE_MS COMMAND…: 0 as soon as the command succeeds, 1 when the time is over.
wait_until() {
    local end=$(($(now_ms) + $1))
    shift
    until "$@"; do
        (($(now_ms) < end)) || return 1
        sleep 0.02
    done
}

# Paths end up in nginx.conf and in nginx's configure, which split at blanks and expand dollars.
require_plain_path() { # WHAT PATH
    [[ $2 =~ ^[A-Za-z0-9._/+@,=:~-]+$ ]] ||
        die "$1 '$2' holds a character that nginx's build cannot carry." \
            "use a path of letters, digits and . _ / + @ , = : ~ -"
}

in_repo() { # PATH -> as the user would type it from the repository
    local path=$1
    printf '%s' "${path#"$MR_ROOT"/}"
}

show_tail() { # FILE [LINES]
    if [[ -s $1 ]]; then
        printf '    last lines of %s:\n' "$(in_repo "$1")" >&2
        tail -n "${2:-20}" -- "$1" | sed 's/^/    | /' >&2
    else
        printf '    %s is empty\n' "$(in_repo "$1")" >&2
    fi
}

# Reads a build's output: all of it into LOG, and one progress line when there is news.
follow_build() { # LOG LABEL
    local line last=$SECONDS shown=
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$1"
        [[ $line =~ ^\[([0-9]+/[0-9]+)\] ]] || continue
        if [[ -t 1 ]]; then
            printf '\r  %s %s ' "$2" "${BASH_REMATCH[1]}"
            shown=1
        elif ((SECONDS - last >= 15)); then
            last=$SECONDS
            printf '  %s %s\n' "$2" "${BASH_REMATCH[1]}"
        fi
    done
    if [[ -n $shown ]]; then
        printf '\r\033[K'
    fi
}

# step LABEL LOG COMMAND…: one logged step; its last lines are shown when it fails.
step() {
    local label=$1 log=$2
    shift 2
    mkdir -p "$(dirname -- "$log")"
    : >"$log"
    if ! "$@" 2>&1 </dev/null | follow_build "$log" "$label"; then
        complain "$label failed."
        show_tail "$log" 30
        exit 1
    fi
}

# Parallel jobs: one per core, and 1.5 GB of free memory each.
build_jobs() {
    local cores kib jobs
    cores=$(nproc)
    kib=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
    jobs=$((kib / 1572864))
    ((jobs > cores)) && jobs=$cores
    ((jobs < 1)) && jobs=1
    printf '%d' "$jobs"
}

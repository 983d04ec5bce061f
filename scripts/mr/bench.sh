# shellcheck shell=bash
# ./mr bench: mr-bench against an instance of its own, which is started for it and stopped again; or
# against the target that is named.

readonly kBenchResults=$MR_ROOT/bench/results

build_bench() { build_cmake release "$MR_BUILD" mr-bench; }

bench_usage() {
    cat <<'TEXT'
usage: ./mr bench [OPTIONS]            all scenarios, one after the other, against an instance of its own
       ./mr bench SCENARIO [OPTIONS]   one of them; a wss:// URL among the options is the target instead
       ./mr bench compare A B          two results
       ./mr bench revisions A B [--rounds N] [SCENARIO [OPTIONS]]
                                       builds two git revisions, measures them in turn (ABBA, by the
                                       mr-bench of this tree; relay unless a scenario is named), compares
       ./mr bench peers [OPTIONS]      beside what people use instead: bench/peers; --help
       ./mr bench redis [OPTIONS]      what an event costs Redis, beside other ways into it; --help
       ./mr bench report FOLDER…       one HTML page about results
       ./mr bench micro [OPTIONS]      single steps of an event's way (Google Benchmark's options)

--plain, of any of them: without TLS.
--server-cpu LIST, of any of them (0, 0-1, 0,2): nginx, Redis and workers run on these CPUs, the
generator on the others.

Results: bench/results/<UTC>-<scenario>/. Workers of the own instance heed MR_… variables, such as
MR_TEXT_WINDOW=0 for one event per frame (growth: the default). The scenarios and their options: build/mr-bench --help
TEXT
}

# What the last --NAME among the options says, or nothing.
option() { # NAME [OPTION…]
    local name=$1 value=
    shift
    while (($#)); do
        case $1 in
            --"$name") value=${2:-none} ;;
            --"$name"=*) value=${1#*=} ;;
        esac
        shift
    done
    printf '%s' "$value"
}

# A process of nginx has as many connections as it may have files: with more of them than that, the
# instance has more processes, each with a share of its own (reuseport).
nginx_processes() { # [OPTION…]
    local sessions idle files most needed
    sessions=$(option sessions "$@")
    idle=$(option idle "$@")
    [[ $sessions$idle =~ ^[0-9]+$ ]] || return 0
    files=$(raise_file_limit && ulimit -n)
    [[ $files == unlimited ]] && return 0
    most=$(((files - kOtherFiles) * 15 / 16 * 9 / 10)) # the module keeps a sixteenth; shares differ
    needed=$(((${sessions:-0} + ${idle:-0} + most - 1) / most))
    ((needed <= $(usable_processors))) || printf '%d' "$needed"
}

server_cpus() { # [OPTION…]
    local cpus
    cpus=$(option server-cpu "$@")
    [[ -z $cpus ]] || taskset -c "$cpus" true 2>/dev/null ||
        die "--server-cpu: '$cpus' are no CPUs of this machine." \
            "$(taskset -cp $$ | sed 's/.*: /it has /'); --server-cpu 0"
    printf '%s' "$cpus"
}

# One scenario; how it ended goes on to the caller.
bench_scenario() { # TARGET INSTANCE SCENARIO [OPTION…]
    local target=$1 instance=$2 scenario=$3 path=/ws/chat out
    shift 3
    case $scenario in
        relay | sweep | growth | storm | slow | deploy) path=/ws/bench ;;
        handshakes) [[ " $*" == *" --beside"* ]] || set -- --beside "http${target#ws}/plain" "$@" ;;
    esac
    out=$kBenchResults/$(date -u +%Y%m%dT%H%M%SZ)-$scenario
    "$MR_BUILD/mr-bench" "$scenario" "$target$path" --instance "$instance" --out "$out" "$@" || return
    say "kept in $(in_repo "$out")"
}

# All of them; the last bad exit code. Idle connections first: a process that has served many uses
# their memory again.
bench_all() { # TARGET INSTANCE [OPTION…]
    local code=0 line target=$1 instance=$2
    local -a words
    shift 2
    while read -r line; do
        [[ -n $line ]] || continue
        read -ra words <<<"$line"
        say "== mr-bench $line"
        bench_scenario "$target" "$instance" "${words[@]}" "$@" || code=$?
    done <<'SCENARIOS'
idle --sessions 5000 --seconds 5
chat --sessions 50 --rate 5 --seconds 15 --slo first_event=100,stall=250
relay --sessions 200 --rate 50 --seconds 10
relay --sessions 1000 --rate 5 --seconds 10
relay --sessions 200 --rate 0 --seconds 5
handshakes --seconds 5
storm --sessions 1000 --rate 5 --seconds 10
slow --seconds 10
SCENARIOS
    say "== mr-bench deploy: nginx reloads"
    bench_scenario "$target" "$instance" deploy "$@" \
        --do "kill -HUP $(cut -d' ' -f1 "$instance/pids/nginx")" || code=$?
    return "$code"
}

# mr-ws and its peers in turn; what this machine lacks for one of them is said.
bench_peers() { # [OPTION…]
    if [[ " $* " != *" --help "* && " $* " != *" -h "* ]]; then
        (ensure_packages peers) || complain "the peers that need these packages will be missing"
    fi
    build_cmake release "$MR_BUILD" mr-peer-floor mr-peer-publisher
    python3 "$MR_ROOT/bench/peers/run.py" --build "$MR_BUILD" --run "$MR_RUN" \
        --out "$kBenchResults/$(date -u +%Y%m%dT%H%M%SZ)-peers" "$@"
}

# Ways of writing an event into one Redis, in turn.
bench_redis() { # [OPTION…]
    build_cmake release "$MR_BUILD" mr-peer-redis
    python3 "$MR_ROOT/bench/peers/redis_cost.py" --build "$MR_BUILD" \
        --out "$kBenchResults/$(date -u +%Y%m%dT%H%M%SZ)-redis" "$@"
}

# An instance of a revision in a work tree of its own, started, measured, stopped.
bench_revision() { # REVISION FOLDER-OF-RESULTS SCENARIO [OPTION…]
    local tree=$MR_BUILD/revisions/$1 out=$2 port code=0 path=/ws/chat
    shift 2
    case $1 in relay | sweep | storm | slow | deploy) path=/ws/bench ;; esac
    port=$(free_port 18643)
    "$tree/mr" up --yes --bench --workers 1 --port "$port" >"$MR_BUILD/log/bench-up.log" 2>&1 ||
        die "the revision in $(in_repo "$tree") does not start." "see build/log/bench-up.log"
    "$MR_BUILD/mr-bench" "$1" "wss://localhost:$port$path" --instance "$tree/run/$port" \
        --out "$out" --quiet "${@:2}" >/dev/null || code=$?
    "$tree/mr" down --port "$port" >/dev/null || code=1
    return "$code"
}

bench_revisions() { # A B [--rounds N] [SCENARIO [OPTION…]]
    (($# >= 2)) || die "revisions needs two of them." "./mr bench revisions HEAD~1 HEAD"
    local rounds=6 round revision results
    local -a both=()
    for revision in "$1" "$2"; do
        both+=("$(git -C "$MR_ROOT" rev-parse --short=12 --verify --quiet "$revision^{commit}")") ||
            die "git knows no revision '$revision'." "git log --oneline"
    done
    shift 2
    if [[ ${1:-} == --rounds ]]; then
        require_number --rounds "${2:-}" 1 100
        rounds=$2
        shift 2
    fi
    (($#)) || set -- relay --sessions 200 --rate 50
    for revision in "${both[@]}"; do
        [[ -d $MR_BUILD/revisions/$revision ]] ||
            git -C "$MR_ROOT" worktree add --detach --quiet "$MR_BUILD/revisions/$revision" "$revision"
    done
    results=$kBenchResults/$(date -u +%Y%m%dT%H%M%SZ)-${both[0]}-${both[1]}
    for ((round = 1; round <= rounds; round++)); do
        local -a order=("${both[@]}")
        ((round % 2)) || order=("${both[1]}" "${both[0]}")
        for revision in "${order[@]}"; do
            say "round $round of $rounds: $revision"
            bench_revision "$revision" "$results/$revision/$round" "$@" ||
                complain "this round of $revision did not keep its promises, or was disturbed"
        done
    done
    "$MR_BUILD/mr-bench" compare "$results/${both[0]}" "$results/${both[1]}"
}

cmd_bench() {
    if [[ ${1:-} == --yes ]]; then
        OPT_YES=1
        shift
    fi
    if [[ ${1:-} == -h || ${1:-} == --help ]]; then
        bench_usage
        return 0
    fi
    mkdir -p "$MR_RUN" "$MR_BUILD/log"
    ensure_packages build run
    if [[ ${1:-} == micro ]]; then
        ensure_packages test
        grep -q mr-micro "$MR_BUILD/build.ninja" 2>/dev/null || rm -f -- "$MR_BUILD/build.ninja"
        build_cmake release "$MR_BUILD" mr-micro
        exec "$MR_BUILD/mr-micro" "${@:2}"
    fi
    build_bench
    if [[ ${1:-} == peers ]]; then
        bench_peers "${@:2}"
        return
    fi
    if [[ ${1:-} == redis ]]; then
        bench_redis "${@:2}"
        return
    fi
    if [[ ${1:-} == revisions ]]; then
        bench_revisions "${@:2}"
        return
    fi
    local word
    for word in "$@"; do
        if [[ $word == *://* || $word == compare || $word == report || $word == --help ]]; then
            exec "$MR_BUILD/mr-bench" "$@"
        fi
    done
    bench_instance "$@"
}

# The scenario, or all of them, against an instance that is started for it.
bench_instance() { # [SCENARIO] [OPTION…]
    local dir=$MR_RUN/bench port code=0 cpus processes url word
    local -a held=() words=() up=(--yes --bench --workers 1 --dir "$dir")
    if [[ ${1:-} == growth ]]; then
        export MR_TEXT_WINDOW=${MR_TEXT_WINDOW-0} MR_MAX_SESSIONS=${MR_MAX_SESSIONS-20000}
    fi
    processes=$(nginx_processes "$@")
    [[ -z $processes ]] || up+=(--nginx-processes "$processes")
    cpus=$(server_cpus "$@") || exit 1
    if [[ -n $cpus ]]; then
        build_all # with all of them
        held=(taskset -c "$cpus")
    fi
    port=$(free_port 18543)
    up+=(--port "$port")
    url=wss://localhost:$port
    for word in "$@"; do
        if [[ $word == --plain ]]; then
            port=$(free_port $((port + 1)))
            up+=(--http-port "$port")
            url=ws://localhost:$port
        else
            words+=("$word")
        fi
    done
    "${held[@]}" "$MR_ROOT/mr" up "${up[@]}" || return 1
    if ((${#words[@]})) && [[ ${words[0]} != --* ]]; then
        bench_scenario "$url" "$dir" "${words[@]}" || code=$?
    else
        bench_all "$url" "$dir" "${words[@]}" || code=$?
    fi
    "$MR_ROOT/mr" down --dir "$dir" || code=1
    return "$code"
}

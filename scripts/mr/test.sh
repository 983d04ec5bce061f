# shellcheck shell=bash
# ./mr test: builds, runs the suites side by side, adds up what passed and failed. Knows how
# each suite reports; never what it tests.

kPython=/usr/bin/python3
kArtifacts=$MR_BUILD/test-artifacts
kSuites=(unit module system chaos web fuzz)
kBeside=(system fuzz)
kChaosSeeds=(1 2)
kChaosSeconds=60
kSuiteLimitS=1800 # ends what hangs; the longest, system, takes 1,450 to 1,530 s on two cores

# The suite's line; finish_test adds them up. A suite that broke off counts as one failure.
tally() { # SUITE PASSED FAILED EXIT-CODE START_MS
    local failed=$3 why=
    if (($4 != 0 && failed == 0)); then
        failed=1
        why=" (exit code $4"
        if (($4 == 97)); then why+=": processes were left running"; fi
        if (($4 == 124)); then why+=": over $kSuiteLimitS s"; fi
        why+=")"
    elif (($2 + failed == 0)); then
        failed=1
        why=" (no test was run)"
    fi
    printf '%-8s %5d passed, %d failed, %s s%s\n' "$1:" "$2" "$failed" "$(seconds_since "$5")" "$why"
}

# Runs a suite's command: time limit, output in a log and on the screen, nothing left behind.
run_suite() { # NAME COMMAND… ; sets SUITE_CODE
    local log=$kArtifacts/$1.log
    shift
    SUITE_CODE=0
    timeout --kill-after=30 "$kSuiteLimitS" "$kPython" "$MR_ROOT/scripts/mr/reap.py" "$@" \
        </dev/null 2>&1 | tee "$log" | awk '!/^ *Start +[0-9]+: | Passed +[0-9.]+ sec$/' || SUITE_CODE=$?
}

# junit_sum ATTRIBUTE FILE: added over the <testsuite> elements.
junit_sum() {
    tr '\n\t' '  ' <"$2" | grep -o '<testsuite [^>]*>' |
        sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" | awk '{ sum += $1 } END { print sum + 0 }'
}

tally_junit() { # SUITE FILE START_MS
    local failed=0 skipped=0 tests=0
    if [[ ! -s $2 ]]; then
        tally "$1" 0 0 "$SUITE_CODE" "$3"
        return
    fi
    tests=$(junit_sum tests "$2")
    failed=$(($(junit_sum failures "$2") + $(junit_sum errors "$2")))
    skipped=$(($(junit_sum skipped "$2") + $(junit_sum disabled "$2")))
    tally "$1" $((tests - failed - skipped)) "$failed" "$SUITE_CODE" "$3"
}

# node --test ends with lines such as "# pass 12" or "ℹ pass 12"; one set per run.
tally_node() { # SUITE LOG START_MS
    local passed failed
    passed=$(sed -nE 's/^(#|ℹ) pass ([0-9]+)$/\2/p' "$2" | awk '{ s += $1 } END { print s + 0 }')
    failed=$(sed -nE 's/^(#|ℹ) (fail|cancelled) ([0-9]+)$/\3/p' "$2" | awk '{ s += $1 } END { print s + 0 }')
    tally "$1" "$passed" "$failed" "$SUITE_CODE" "$3"
}

suite_unit() {
    local started
    started=$(now_ms)
    run_suite unit ctest --test-dir "$MR_BUILD" -j "$(nproc)" --timeout 120 --output-on-failure \
        --output-junit "$kArtifacts/unit.xml"
    tally_junit unit "$kArtifacts/unit.xml" "$started"
}

suite_pytest() { # NAME
    local started
    started=$(now_ms)
    run_suite "$1" env MR_ARTIFACTS="$kArtifacts" MR_BUILD="$MR_BUILD" \
        "$kPython" -m pytest -q --tb=short -p no:cacheprovider "$MR_ROOT/tests/$1" \
        --junitxml="$kArtifacts/$1.xml" -o junit_family=xunit1
    tally_junit "$1" "$kArtifacts/$1.xml" "$started"
}

# The judge, briefly: each seed is one test. tests/chaos/README.md has the long run.
suite_chaos() {
    local started seed
    for seed in "${kChaosSeeds[@]}"; do
        started=$(now_ms)
        run_suite "chaos-$seed" env MR_ARTIFACTS="$kArtifacts" MR_BUILD="$MR_BUILD" \
            "$kPython" "$MR_ROOT/tests/chaos/judge.py" --seed "$seed" --seconds "$kChaosSeconds" \
            --clients 80 --pace 1
        tally chaos $((SUITE_CODE == 0)) $((SUITE_CODE != 0)) "$SUITE_CODE" "$started"
    done
}

free_port() { # FROM
    local port=$1
    while port_taken "$port"; do
        port=$((port + 1))
    done
    printf '%d' "$port"
}

# The real stack for the browser: an instance of its own, ended whatever happens.
web_stack() {
    local port dir=$MR_RUN/test-web code=0
    port=$(free_port 18443)
    "$MR_ROOT/mr" up --yes --dir "$dir" --port "$port" || return 1
    MR_URL="https://localhost:$port/" MR_SHOTS="$kArtifacts/shots" \
        bash "$MR_ROOT/tests/web/run.sh" stack || code=$?
    "$MR_ROOT/mr" down --dir "$dir" || code=1
    if ((code != 0)); then
        cp -r -- "$dir/log" "$kArtifacts/web-stack-log" 2>/dev/null || true
    fi
    return "$code"
}

suite_web() {
    local started
    mkdir -p "$kArtifacts/shots"
    started=$(now_ms)
    run_suite web-mock env MR_SHOTS="$kArtifacts/shots" bash "$MR_ROOT/tests/web/run.sh" mock
    tally_node web-mock "$kArtifacts/web-mock.log" "$started"
    started=$(now_ms)
    run_suite web-stack bash "$MR_ROOT/mr" test-web-stack
    tally_node web-stack "$kArtifacts/web-stack.log" "$started"
}

cmd_test() {
    local suite
    local -a wanted=("$@")
    ((${#wanted[@]})) || wanted=("${kSuites[@]}")
    for suite in "${wanted[@]}"; do
        [[ " ${kSuites[*]} " == *" $suite "* ]] ||
            die "there is no suite '$suite'." "the suites are: ${kSuites[*]}"
    done
    mkdir -p "$MR_RUN" "$MR_BUILD/log"
    ensure_packages build run test
    build_all
    # GTest may have come with the packages just installed: then the tests are not in the build yet.
    if [[ " ${wanted[*]} " == *" unit "* ]]; then
        grep -q mr_unit_shared "$MR_BUILD/build.ninja" || rm -f -- "$MR_BUILD/build.ninja"
        build_cmake release "$MR_BUILD"
    fi
    if [[ " ${wanted[*]} " == *" system "* ]]; then
        build_emulator
    fi
    rm -rf -- "$kArtifacts"
    mkdir -p "$kArtifacts"
    run_lanes "$kArtifacts/summary.txt" "${wanted[@]}"
    finish_test "$kArtifacts/summary.txt"
}

run_suites() { # SUITE…
    local suite
    for suite in "$@"; do
        say "== $suite"
        case $suite in
            unit | web | chaos | fuzz) "suite_$suite" ;;
            *) suite_pytest "$suite" ;;
        esac
    done
}

# Suites wait most of their time, for leases and timeouts: each of kBeside runs beside the rest, and
# reports behind it. The fuzzers never wait and take what processor time the others leave.
run_lanes() { # REPORT SUITE…
    local report=$1 suite
    local -a others=() beside=() lanes=()
    shift
    for suite in "$@"; do
        if [[ " ${kBeside[*]} " == *" $suite "* ]]; then
            beside+=("$suite")
        else
            others+=("$suite")
        fi
    done
    if ((${#others[@]} == 0)); then
        others=("${beside[0]}")
        beside=("${beside[@]:1}")
    fi
    if ((${#beside[@]})); then
        say "${beside[*]}: beside the others, reported last"
    fi
    for suite in "${beside[@]}"; do
        run_suites "$suite" >"$report.$suite" 2>&1 &
        lanes+=($!)
        [[ $suite != fuzz ]] || renice -n 10 -p $! >/dev/null
    done
    trap 'end_trees '"${lanes[*]}" EXIT
    run_suites "${others[@]}" | tee "$report"
    for suite in "${beside[@]}"; do
        tail -n +1 --pid="${lanes[0]}" -f "$report.$suite" | tee -a "$report"
        lanes=("${lanes[@]:1}")
    done
    trap - EXIT
}

end_trees() { # PID…
    local pid
    for pid in "$@"; do
        end_tree "$pid"
    done
}

end_tree() { # PID
    local child
    for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
        end_tree "$child"
    done
    kill "$1" 2>/dev/null || true
}

# The suites ran in a pipeline's subshell: the sum is read back from their lines.
finish_test() { # REPORT
    local sums
    sums=$(sed -nE 's/^[a-z-]+: +([0-9]+) passed, ([0-9]+) failed, .*/\1 \2/p' "$1" |
        awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }')
    say ""
    grep -E '^[a-z-]+: +[0-9]+ passed, ' "$1" || true
    say "artefacts in $(in_repo "$kArtifacts")"
    say "${sums% *} passed, ${sums#* } failed"
    [[ ${sums#* } == 0 && ${sums% *} != 0 ]]
}

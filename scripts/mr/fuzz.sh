# shellcheck shell=bash
# ./mr fuzz: builds the libFuzzer targets in a folder of their own and runs them; tests/fuzz/run.py
# knows how. As a suite of ./mr test each runs briefly.

kFuzzBuild=$MR_BUILD/fuzz
kFuzzSeconds=60
kFuzzSuiteSeconds=20
kFuzzJobs=2
kCoverageBuild=$MR_BUILD/fuzz-coverage

fuzz_help() {
    cat <<'TEXT'
usage: ./mr fuzz [--seconds N] [--jobs N] [TARGET…]
       ./mr fuzz --coverage [TARGET…]

Runs the fuzz targets of tests/fuzz/ (all, or those named) under ASan and UBSan, N at once (2), each
for N seconds (60). What they have reached stays in build/fuzz/corpus/; an input that breaks one is kept in
build/test-artifacts/, and the line below it says how to repeat it.

--coverage tells which lines the seeds and what has been reached before cover.
TEXT
}

build_fuzzers() {
    ensure_packages build test
    build_cmake fuzz "$kFuzzBuild" fuzzers
}

run_fuzzers() { # SECONDS TARGET…
    local seconds=$1
    shift
    "$kPython" "$MR_ROOT/tests/fuzz/run.py" --build "$kFuzzBuild" --artifacts "$kArtifacts" \
        --jobs "$kFuzzJobs" --seconds "$seconds" "$@"
}

fuzz_coverage() { # TARGET…
    ensure_packages build test coverage
    build_cmake fuzz-coverage "$kCoverageBuild" fuzzers
    "$kPython" "$MR_ROOT/tests/fuzz/coverage.py" --build "$kCoverageBuild" \
        --grown "$kFuzzBuild/corpus" "$@"
}

cmd_fuzz() {
    local seconds=$kFuzzSeconds coverage=0
    local -a targets=()
    while (($#)); do
        case $1 in
            --seconds)
                (($# > 1)) || die "--seconds needs a value." "./mr fuzz --help"
                require_number --seconds "$2" 1 86400
                seconds=$2
                shift
                ;;
            --jobs)
                (($# > 1)) || die "--jobs needs a value." "./mr fuzz --help"
                require_number --jobs "$2" 1 64
                kFuzzJobs=$2
                shift
                ;;
            --coverage) coverage=1 ;;
            -h | --help) fuzz_help && return 0 ;;
            -y | --yes) OPT_YES=1 ;;
            -*) die "unknown option $1" "./mr fuzz --help" ;;
            *) targets+=("$1") ;;
        esac
        shift
    done
    mkdir -p "$MR_BUILD/log" "$kArtifacts"
    if ((coverage)); then
        fuzz_coverage "${targets[@]}"
        return
    fi
    build_fuzzers
    run_fuzzers "$seconds" "${targets[@]}"
}

# Each target is one test.
suite_fuzz() {
    local started passed failed
    started=$(now_ms)
    run_suite fuzz bash "$MR_ROOT/mr" fuzz --yes --seconds "$kFuzzSuiteSeconds"
    passed=$(grep -c '^ok ' "$kArtifacts/fuzz.log" || true)
    failed=$(grep -c '^FAILED ' "$kArtifacts/fuzz.log" || true)
    tally fuzz "$passed" "$failed" "$SUITE_CODE" "$started"
}

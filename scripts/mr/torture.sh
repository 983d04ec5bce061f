# shellcheck shell=bash
# ./mr torture: the torture tests of the module suite at every place. ./mr test tries a few of each.

torture_help() {
    cat <<'TEXT'
usage: ./mr torture [PYTEST-ARGUMENT…]

Lets every allocation and every system and library call on the paths of a request fail, once, in turn
(tests/torture/; half an hour and more). Arguments go to pytest: -k Resume.
TEXT
}

cmd_torture() {
    case ${1:-} in
        -h | --help) torture_help && return 0 ;;
        -y | --yes) OPT_YES=1 && shift ;;
    esac
    ensure_packages build run test
    build_all
    mkdir -p "$kArtifacts"
    env MR_ARTIFACTS="$kArtifacts" MR_BUILD="$MR_BUILD" MR_TORTURE_STEPS=0 \
        "$kPython" "$MR_ROOT/scripts/mr/reap.py" "$kPython" -m pytest -q --tb=short \
        -p no:cacheprovider "$MR_ROOT/tests/module/test_torture.py" \
        "$MR_ROOT/tests/module/test_torture_calls.py" "$@"
}

# shellcheck shell=bash
# ./mr chaos: builds what the judge of tests/chaos needs and hands it the rest of the line.

# Removing each of these must be noticed, by the faults that make it matter.
broken_run() { # GUARD FAULTS
    local code=0
    say "== without the guard '$1'"
    MR_BROKEN=$1 MR_BUILD=$MR_BUILD/chaos MR_ARTIFACTS=$kArtifacts "$kPython" \
        "$MR_ROOT/tests/chaos/judge.py" --broken "$1" --faults "$2" --stop-at-first "${@:3}" || code=$?
    if ((code != 1)); then
        complain "the judge did not notice that '$1' is missing (exit code $code)"
        return 1
    fi
    say "convicted: $1"
}

broken_all() {
    local code=0
    broken_run fencing worker_freeze_beyond_lease,link_stall "$@" || code=1
    broken_run gap link_reset,link_cut_in_mid_command,redis_cut_clients "$@" || code=1
    broken_run position publications_lost "$@" || code=1
    broken_run resubscription gateway_blind,redis_cut_clients "$@" || code=1
    broken_run takeover_record link_stall_to_lease_end "$@" || code=1
    broken_run pending_list link_stall_to_lease_end "$@" || code=1
    broken_run checkpoint worker_kill,worker_replace "$@" || code=1
    return "$code"
}

cmd_chaos() {
    if [[ ${1:-} == --yes ]]; then
        OPT_YES=1
        shift
    fi
    mkdir -p "$MR_RUN" "$MR_BUILD/log"
    ensure_packages build run test
    build_all
    if [[ ${1:-} == --broken ]]; then
        build_broken
        if (($# > 1)) && [[ $2 != --* ]]; then
            die "--broken takes no name here." "./mr chaos --broken [--seconds N] [--seed N]"
        fi
        broken_all --seconds 120 --clients 60 --pace 0.5 --grace 25 "${@:2}"
        return
    fi
    if [[ ${1:-} == --cost ]]; then
        build_broken
        MR_BUILD=$MR_BUILD/chaos "$kPython" "$MR_ROOT/bench/acceptance/guarantees.py" "${@:2}"
        return
    fi
    local program=judge.py
    if [[ ${1:-} == --rolling ]]; then
        program=rolling.py
        shift
    fi
    MR_BUILD=$MR_BUILD MR_ARTIFACTS=$kArtifacts "$kPython" "$MR_ROOT/tests/chaos/$program" "$@"
}

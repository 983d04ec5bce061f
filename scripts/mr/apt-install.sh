#!/usr/bin/env bash
# The part of the installation that needs root: apt-get install of the packages named as arguments.
# No service is started, stopped or restarted by it (policy-rc.d answers 101 during the call, an
# existing one is put back), and a server that arrives with a package is not enabled for the next
# boot either.
set -euo pipefail

readonly kPolicy=/usr/sbin/policy-rc.d
readonly kSaved=/usr/sbin/policy-rc.d.before-mr
readonly -a kServers=(nginx redis-server nats-server)

exists() { [[ -e $1 || -L $1 ]]; }

restore_policy() {
    rm -f -- "$kPolicy"
    if exists "$kSaved"; then
        mv -- "$kSaved" "$kPolicy"
    fi
}

deny_services() {
    # A saved file means that an earlier call was killed: what it saved is the true one.
    if exists "$kSaved"; then
        restore_policy
    fi
    if exists "$kPolicy"; then
        mv -- "$kPolicy" "$kSaved"
    fi
    printf '#!/bin/sh\nexit 101\n' >"$kPolicy"
    chmod 755 "$kPolicy"
}

is_installed() {
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true) == installed ]]
}

disable_at_boot() {
    if command -v systemctl >/dev/null; then
        systemctl --quiet disable "$1.service" || true
    elif command -v update-rc.d >/dev/null; then
        update-rc.d "$1" disable || true
    fi
}

main() {
    (($# > 0)) || { echo "usage: apt-install.sh PACKAGE…" >&2; exit 2; }
    ((EUID == 0)) || { echo "apt-install.sh needs root" >&2; exit 2; }

    local server
    local -a newcomers=()
    for server in "${kServers[@]}"; do
        is_installed "$server" || newcomers+=("$server")
    done

    trap restore_policy EXIT
    trap 'exit 130' INT TERM HUP
    deny_services

    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
    local -a apt=(apt-get -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
    "${apt[@]}" update || echo "apt-get update failed; going on with the lists at hand"
    "${apt[@]}" install --no-install-recommends "$@"

    for server in "${newcomers[@]}"; do
        if is_installed "$server"; then
            disable_at_boot "$server"
        fi
    done
}

main "$@"

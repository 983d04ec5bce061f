# shellcheck shell=bash
# ./mr doctor: looks at the machine, says what is fine and what would help. Changes nothing.

SICK=0

fine() { printf '  ok    %s\n' "$*"; }

sick() { # WHAT CURE
    printf '  LACKS %s\n        cure: %s\n' "$1" "$2"
    SICK=1
}

doctor_system() {
    local name=unknown
    [[ -r /etc/os-release ]] && name=$(. /etc/os-release && printf '%s' "$PRETTY_NAME")
    if command -v dpkg-query >/dev/null; then
        fine "system: $name, $(uname -m), $(nproc) cores, $(awk '/MemTotal/ {print int($2 / 1048576)}' /proc/meminfo) GB"
    else
        sick "a Debian system (this is $name)" "use Debian 12 or later"
    fi
    if [[ $MR_ROOT =~ ^[A-Za-z0-9._/+@,=:~-]+$ ]]; then
        fine "path: $MR_ROOT"
    else
        sick "a path that nginx's build can carry: $MR_ROOT" "move the folder"
    fi
}

doctor_packages() {
    local section missing
    for section in build run test lint; do
        missing=$(missing_packages "$section")
        if [[ -z $missing ]]; then
            fine "packages for $section"
        else
            sick "packages for $section: ${missing//$'\n'/, }" \
                "./mr run and ./mr test install theirs; or apt-get install"
        fi
    done
    local nginx dev
    nginx=$(dpkg-query -W -f='${Version}' nginx 2>/dev/null || true)
    dev=$(dpkg-query -W -f='${Version}' nginx-dev 2>/dev/null || true)
    if [[ -n $nginx && $nginx == "$dev" ]]; then
        fine "nginx and nginx-dev are both $nginx"
    elif [[ -n $nginx$dev ]]; then
        sick "one version of nginx (${nginx:-none}) and nginx-dev (${dev:-none})" \
            "apt-get install nginx nginx-dev"
    fi
}

doctor_runtime() {
    local files
    files=$(ulimit -Hn)
    if [[ $files == unlimited ]] || ((files >= 16384)); then
        fine "open files: up to $files"
    else
        sick "room for many connections: the hard limit of open files is $files" \
            "raise nofile in /etc/security/limits.conf"
    fi
    if port_taken "$OPT_PORT"; then
        sick "a free port $OPT_PORT (something listens there)" "./mr run --port N"
    else
        fine "port $OPT_PORT is free"
    fi
    if has_ipv6_loopback; then
        fine "IPv4 and IPv6 loopback"
    else
        fine "IPv4 loopback (no IPv6)"
    fi
}

doctor_build() {
    local what
    for what in "$kModule" "$kWorker"; do
        if [[ -e $what ]]; then
            fine "built: $(in_repo "$what")"
        else
            fine "not built yet: $(in_repo "$what") (./mr run builds it)"
        fi
    done
    if [[ -f $kVoice/.state ]]; then
        fine "speech recogniser: $(in_repo "$kVoice")"
    elif command -v npm >/dev/null; then
        fine "no speech recogniser yet: $(in_repo "$kVoice") (./mr run fetches it)"
    else
        sick "npm, which brings the speech recogniser (voice has others without)" \
            "apt-get install npm, then ./mr run"
    fi
}

cmd_doctor() {
    doctor_system
    doctor_packages
    doctor_runtime
    doctor_build
    return "$SICK"
}

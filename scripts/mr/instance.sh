# shellcheck shell=bash
# An instance is a directory: configuration, logs, pid files. This file knows where it is, which
# of its processes are alive, and how to end them. A pid counts only together with the start time
# and boot it was recorded with, so a recycled pid is never signalled.

kClockTicks=$(getconf CLK_TCK)
kDefaultPort=8443

instance_paths() { # DIR
    INSTANCE=$1
    PIDS_DIR=$INSTANCE/pids
    LOG_DIR=$INSTANCE/log
}

# From --dir and --port to the instance a command means.
select_instance() {
    local dir=${OPT_DIR:-$MR_RUN/$OPT_PORT}
    [[ $dir == /* ]] || dir=$PWD/$dir
    dir=$(realpath -m -- "$dir")
    require_plain_path "the instance directory" "$dir"
    instance_paths "$dir"
}

# Directories of instances under run/ with at least one live process.
running_instances() {
    local dir
    for dir in "$MR_RUN"/*/; do
        [[ -d $dir/pids ]] || continue
        (instance_paths "${dir%/}" && any_alive) && printf '%s\n' "${dir%/}"
    done
    return 0
}

# stat fields of PID after the command name: PROC_STATE, PROC_START (ticks since boot).
read_proc() { # PID
    local line
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    local -a fields
    read -ra fields <<<"${line##*) }"
    PROC_STATE=${fields[0]}
    PROC_START=${fields[19]}
}

boot_id() { cat /proc/sys/kernel/random/boot_id; }

record_pid() { # NAME PID
    local PROC_STATE PROC_START=gone
    read_proc "$2" || true
    printf '%s %s %s\n' "$2" "$PROC_START" "$(boot_id)" >"$PIDS_DIR/$1"
}

# Sets PID to the live process recorded under NAME, or fails.
live_pid() { # NAME
    local pid start boot PROC_STATE PROC_START
    PID=
    { read -r pid start boot <"$PIDS_DIR/$1"; } 2>/dev/null || return 1
    [[ $boot == "$(boot_id)" ]] && read_proc "$pid" || return 1
    [[ $PROC_START == "$start" && $PROC_STATE != Z ]] || return 1
    PID=$pid
}

not_alive() { ! live_pid "$1"; }

# Recorded names in stop order: nginx first, Redis last.
process_names() {
    local file name
    local -a workers=()
    for file in "$PIDS_DIR"/worker-*; do
        [[ -e $file ]] && workers+=("${file##*/}")
    done
    for name in nginx "${workers[@]}" redis; do
        [[ -e $PIDS_DIR/$name ]] && printf '%s\n' "$name"
    done
    return 0
}

any_alive() {
    local name
    for name in $(process_names); do
        live_pid "$name" && return 0
    done
    return 1
}

keep_previous() { # LOG
    if [[ -s $1 ]]; then
        mv -f -- "$1" "$1.1"
    fi
}

# spawn NAME LOG COMMAND…: in the background, in a session of its own (Ctrl-C does not reach it),
# with default signal dispositions and nothing inherited but its log.
spawn() {
    local name=$1 log=$2
    shift 2
    keep_previous "$log"
    env --default-signal setsid "$@" </dev/null >"$log" 2>&1 9>&- &
    record_pid "$name" $!
    # exec keeps pid and start time, so the record stays true through env and setsid.
}

# end_processes SIGNAL GRACE_MS NAME…: signals all, waits for all, kills what is left.
end_processes() {
    local signal=$1 grace=$2 name PID
    shift 2
    for name in "$@"; do
        if live_pid "$name"; then
            kill -s "$signal" "$PID" 2>/dev/null || true
        fi
    done
    for name in "$@"; do
        if ! wait_until "$grace" gone_or_forced "$name"; then
            complain "$name did not end within $((grace / 1000)) s; killing it"
        fi
        if live_pid "$name"; then
            kill -s KILL "$PID" 2>/dev/null || true
            wait_until 5000 not_alive "$name" || complain "$name cannot be killed"
        fi
        rm -f -- "$PIDS_DIR/$name"
    done
}

gone_or_forced() { ((FORCE_STOP)) || not_alive "$1"; }

# Processes of nginx's session: what is left of it when its master was killed.
nginx_orphans() {
    local leader stat sid
    { read -r leader _ <"$PIDS_DIR/nginx"; } 2>/dev/null || return 0
    for stat in /proc/[0-9]*/stat; do
        { sid=$(sed 's/.*) //' "$stat" | cut -d' ' -f4); } 2>/dev/null || continue
        if [[ $sid == "$leader" && $(readlink "${stat%stat}exe") == "$kNginx"* ]]; then
            stat=${stat#/proc/}
            printf '%s\n' "${stat%/stat}"
        fi
    done
}

stop_nginx() {
    local -a orphans
    local pid
    mapfile -t orphans < <(live_pid nginx || nginx_orphans)
    for pid in "${orphans[@]}"; do
        record_pid "nginx-$pid" "$pid"
    done
    end_processes QUIT "$kNginxGraceMs" nginx "${orphans[@]/#/nginx-}"
}

# nginx first (clients get a proper close), then workers (answers are finished), then Redis.
stop_instance() {
    [[ -d $PIDS_DIR ]] || return 0
    local -a workers
    mapfile -t workers < <(process_names | grep '^worker-' || true)
    stop_nginx
    end_processes TERM "$kWorkerGraceMs" "${workers[@]}"
    end_processes TERM "$kRedisGraceMs" redis
    rm -rf -- "$PIDS_DIR" "$INSTANCE/ready"
    if [[ -s $INSTANCE/socket-dir ]]; then
        rm -rf -- "$(<"$INSTANCE/socket-dir")"
        rm -f -- "$INSTANCE/socket-dir"
    fi
}

# --- status ---------------------------------------------------------------------------------

uptime_of() { # PID -> "1:02:03"
    local PROC_STATE PROC_START up seconds
    read_proc "$1" || return 0
    read -r up _ </proc/uptime
    seconds=$((${up%.*} - PROC_START / kClockTicks))
    printf '%d:%02d:%02d' $((seconds / 3600)) $((seconds / 60 % 60)) $((seconds % 60))
}

resident_kib() { # PID
    { awk '/^VmRSS:/ {print $2}' "/proc/$1/status"; } 2>/dev/null || true
}

memory_of() { # PID, its children included -> "12.3 MB"
    local pid sum=0 kib
    local -a children=()
    { read -ra children <"/proc/$1/task/$1/children"; } 2>/dev/null || true
    for pid in "$1" "${children[@]}"; do
        kib=$(resident_kib "$pid")
        sum=$((sum + ${kib:-0}))
    done
    printf '%d.%d MB' $((sum / 1024)) $((sum % 1024 * 10 / 1024))
}

# What /readyz of the nginx at PORT says: "ready", "not ready (reason)", or "no answer".
readiness() { # PORT
    local body
    body=$(printf 'GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n' |
        timeout 3 openssl s_client -quiet -connect "127.0.0.1:$1" -servername localhost 2>/dev/null |
        tail -n 1) || true
    case $body in
        '{"status":"ok"}') printf 'ready' ;;
        *'"reason":"'*) printf 'not ready (%s)' "$(sed 's/.*"reason":"\([a-z_]*\)".*/\1/' <<<"$body")" ;;
        *) printf 'no answer' ;;
    esac
}

# "running, ready": of a worker by its ready file, of nginx by its own word.
state_of() { # NAME URL
    local port=${2##*:}
    printf 'running'
    case $1 in
        nginx) printf ', %s' "$(readiness "${port%/}")" ;;
        worker-*)
            [[ -e $INSTANCE/ready/$1 ]] && printf ', ready' || printf ', not ready'
            metrics_of "$1"
            ;;
    esac
}

# ", http://127.0.0.1:40123/metrics": of a worker that serves them, by its log.
metrics_of() { # NAME
    local address
    address=$(sed -n 's/.*"msg":"metrics are served".*"address":"\([^"]*\)".*/\1/p' \
        "$LOG_DIR/$1.log" 2>/dev/null | tail -n 1) || true
    [[ -z $address ]] || printf ', http://%s/metrics' "$address"
}

# Prints the table of the selected instance; 0 when everything in it runs.
show_status() {
    local name PID all=0 url
    local -a names
    mapfile -t names < <(process_names)
    url=$(cat "$INSTANCE/url" 2>/dev/null || true)
    if ((${#names[@]} == 0)); then
        say "instance $(in_repo "$INSTANCE"): not running"
        return 3
    fi
    say "instance $(in_repo "$INSTANCE"): $url"
    printf '%-10s %8s %10s %10s  %s\n' PROCESS PID UPTIME MEMORY STATE
    for name in "${names[@]}"; do
        if live_pid "$name"; then
            printf '%-10s %8d %10s %10s  %s\n' "$name" "$PID" "$(uptime_of "$PID")" \
                "$(memory_of "$PID")" "$(state_of "$name" "$url")"
        else
            printf '%-10s %8s %10s %10s  %s\n' "$name" - - - "not running"
            all=3
        fi
    done
    return "$all"
}

# shellcheck shell=bash
# Starts an instance: Redis, workers, nginx; waits until each is really ready; says what failed.
# Everything listens on loopback or unix sockets. The caller stops what was started when it fails.

kRedisReadyMs=10000
kWorkerReadyMs=60000
kNginxReadyMs=15000
kRedisGraceMs=5000
kWorkerGraceMs=75000 # longer than the worker's own default of 60 s
kStatusCheck=3s      # for the external providers in ./mr status
kShellsOwn='^(BASHOPTS|BASH_VERSINFO|EUID|PPID|SHELLOPTS|UID)=' # read-only in a shell
kWorkerDrain=10s     # what ./mr asks for, unless a configuration file says something
kNginxGraceMs=10000
# sun_path holds 107 bytes; the socket's name takes some of them.
kSocketPathMax=100
kOpenFiles=65536

# failed LOG WHAT [CURE]: the message of every start that went wrong.
failed() {
    complain "$2" "${3:-}"
    show_tail "$1"
    exit 1
}

port_taken() { # PORT
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || (exec 3<>"/dev/tcp/::1/$1") 2>/dev/null
}

require_free_port() { # PORT OPTION
    local who= free=$1
    port_taken "$1" || return 0
    if command -v ss >/dev/null; then
        who=$(ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/ by \1 (pid \2)/p' | head -n 1)
    fi
    while port_taken "$free"; do
        free=$((free + 1))
    done
    die "port $1 is taken$who." "choose another one, for example $2 $free"
}

require_no_instance() {
    if any_alive; then
        die "an instance already runs in $(in_repo "$INSTANCE"): $(cat "$INSTANCE/url" 2>/dev/null)" \
            "./mr down ends it; another --port or --dir starts a second one"
    fi
}

raise_file_limit() {
    local hard
    hard=$(ulimit -Hn)
    if [[ $hard == unlimited ]] || ((hard > kOpenFiles)); then
        hard=$kOpenFiles
    fi
    ulimit -Sn "$hard" 2>/dev/null || true
}

prepare_directory() {
    mkdir -p "$INSTANCE"
    chmod 700 "$INSTANCE"
    exec 9>"$INSTANCE/lock"
    flock -n 9 || die "another ./mr is starting $(in_repo "$INSTANCE") at this moment." "wait for it"
    require_no_instance
    stop_instance # what a killed start may have left
    mkdir -p "$PIDS_DIR" "$LOG_DIR" "$INSTANCE/ready" "$INSTANCE/data" "$INSTANCE/tmp"
}

# --- Redis ----------------------------------------------------------------------------------

socket_path() {
    local path=$INSTANCE/redis.sock dir
    if ((${#path} > kSocketPathMax)); then
        dir=$(mktemp -d "${TMPDIR:-/tmp}/mr-ws.XXXXXX")
        printf '%s\n' "$dir" >"$INSTANCE/socket-dir"
        path=$dir/redis.sock
    fi
    printf '%s' "$path"
}

start_redis() {
    REDIS_SOCKET=$(socket_path)
    REDIS_URL=unix:$REDIS_SOCKET
    rm -f -- "$REDIS_SOCKET"
    cat >"$INSTANCE/redis.conf" <<CONF
# Written anew by ./mr at every start. Private to this instance: no port, nothing on disk.
port 0
unixsocket $REDIS_SOCKET
unixsocketperm 700
dir $INSTANCE/tmp
save ""
appendonly no
latency-tracking no
daemonize no
maxmemory $((OPT_ECHO || OPT_BENCH ? 4 : 1))gb
maxmemory-policy noeviction
CONF
    if ((OPT_ECHO)); then # messages of 16 MiB to its subscribers, a few at a time
        printf 'client-output-buffer-limit pubsub 128mb 64mb 60\n' >>"$INSTANCE/redis.conf"
    fi
    spawn redis "$LOG_DIR/redis.log" redis-server "$INSTANCE/redis.conf"
}

redis_answers_or_died() {
    [[ $(redis-cli -s "$REDIS_SOCKET" ping 2>/dev/null) == PONG ]] || not_alive redis
}

wait_redis() {
    if ! wait_until "$kRedisReadyMs" redis_answers_or_died || ! live_pid redis; then
        failed "$LOG_DIR/redis.log" "the private Redis did not start."
    fi
}

use_redis() { # URL
    REDIS_URL=$1
    local answer
    case $1 in
        redis://* | rediss://*) answer=$(timeout 5 redis-cli --no-auth-warning -u "$1" ping 2>&1 || true) ;;
        unix:*) answer=$(timeout 5 redis-cli -s "${1#unix:}" ping 2>&1 || true) ;;
        *) return 0 ;; # forms that only the worker can dial: it reports for itself
    esac
    [[ $answer == PONG ]] ||
        die "Redis at the given URL does not answer: ${answer:-no reply within 5 s}" \
            "check --redis; without it ./mr starts a private one"
}

# --- workers --------------------------------------------------------------------------------

# A setting that a variable or the configuration file has: ours would be in front of it.
wanted_elsewhere() { # SETTING
    local variable=MR_${1^^}
    [[ -n ${!variable+set} ]] ||
        { [[ -n $OPT_CONFIG ]] && grep -q "^[[:space:]]*$1\b" "$OPT_CONFIG"; }
}

start_workers() {
    local i apps=chat,tts
    ((OPT_ECHO)) && apps+=,echo
    ((OPT_BENCH)) && apps+=,bench
    local -a options=(--redis "$REDIS_URL" --apps "$apps" --data-dir "$INSTANCE/data")
    if [[ -n $OPT_CONFIG ]]; then
        options+=(--config "$OPT_CONFIG")
    else
        options+=(--drain "$kWorkerDrain")
    fi
    wanted_elsewhere metrics_listen || options+=(--metrics-listen 127.0.0.1:0)
    wanted_elsewhere voice_dir || options+=(--voice-dir "$MR_BUILD/voice")
    for ((i = 1; i <= OPT_WORKERS; i++)); do
        spawn "worker-$i" "$LOG_DIR/worker-$i.log" \
            "$kWorker" "${options[@]}" --ready-file "$INSTANCE/ready/worker-$i"
    done
}

# The first worker that runs, asked for --check-providers as it was started: with its flags and its
# variables, which the shell that asks need not have. Nothing where all is embedded.
show_providers() {
    local name PID='' table line
    local -a argv
    for name in $(process_names); do
        if [[ $name == worker-* ]] && live_pid "$name"; then
            break
        fi
        PID=''
    done
    [[ -n $PID && -r /proc/$PID/environ ]] || return 0
    mapfile -d '' argv <"/proc/$PID/cmdline"
    table=$(
        while IFS= read -r -d '' line; do
            if [[ $line =~ ^[A-Za-z_][A-Za-z_0-9]*= && ! $line =~ $kShellsOwn ]]; then
                export "${line?}"
            fi
        done <"/proc/$PID/environ"
        "${argv[@]}" --check-providers --provider-check-timeout "$kStatusCheck" 2>&1
    ) || true
    if (($(wc -l <<<"$table") > 2)); then # more than the heading and what is embedded
        say "external providers:"
        printf '%s\n' "$table"
    fi
}

hint_providers() {
    if grep -qsE '"msg":"[^"]* asked"' "$LOG_DIR/worker-1.log"; then
        say "external providers are set up: $(in_repo "$kWorker") --check-providers asks each of them once"
    fi
}

worker_ready_or_died() { [[ -e $INSTANCE/ready/$1 ]] || not_alive "$1"; }

wait_workers() {
    local i name
    for ((i = 1; i <= OPT_WORKERS; i++)); do
        name=worker-$i
        wait_until "$kWorkerReadyMs" worker_ready_or_died "$name" ||
            failed "$LOG_DIR/$name.log" "$name was not ready within $((kWorkerReadyMs / 1000)) s."
        live_pid "$name" || failed "$LOG_DIR/$name.log" "$name ended while starting."
    done
}

# --- nginx ----------------------------------------------------------------------------------

start_nginx() {
    make_certificate
    make_secret
    write_nginx_conf
    keep_previous "$LOG_DIR/nginx.log"
    keep_previous "$LOG_DIR/access.log"
    local log=$LOG_DIR/nginx-start.log
    if ! "$kNginx" -t -q -p "$INSTANCE" -c "$INSTANCE/nginx.conf" >"$log" 2>&1; then
        failed "$log" "nginx refuses its configuration."
    fi
    spawn nginx "$log" "$kNginx" -p "$INSTANCE" -c "$INSTANCE/nginx.conf"
}

first_line_over_tls() { # REQUEST
    printf '%b' "$1" |
        timeout 3 openssl s_client -quiet -connect "127.0.0.1:$OPT_PORT" -servername localhost 2>/dev/null |
        head -n 1
}

answers() { # PATH
    [[ $(first_line_over_tls "GET $1 HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n") == "HTTP/1."?" 200"* ]]
}

nginx_answers_or_died() { answers / || not_alive nginx; }
nginx_ready_or_died() { answers /readyz || not_alive nginx; }

# First the page, then that questions reach a worker and answers come back.
wait_nginx() {
    if ! wait_until "$kNginxReadyMs" nginx_answers_or_died || ! live_pid nginx; then
        cat "$LOG_DIR/nginx.log" >>"$LOG_DIR/nginx-start.log" 2>/dev/null || true
        failed "$LOG_DIR/nginx-start.log" "nginx does not serve https://localhost:$OPT_PORT/."
    fi
    if ! wait_until "$kNginxReadyMs" nginx_ready_or_died || ! live_pid nginx; then
        failed "$LOG_DIR/nginx.log" "nginx serves, but is not ready: $(readiness "$OPT_PORT")."
    fi
}

# --- all ------------------------------------------------------------------------------------

start_instance() {
    prepare_directory
    require_free_port "$OPT_PORT" --port
    if [[ -n $OPT_HTTP_PORT ]]; then
        require_free_port "$OPT_HTTP_PORT" --http-port
    fi
    raise_file_limit
    STARTED=1
    if [[ -n $OPT_REDIS ]]; then
        use_redis "$OPT_REDIS"
    else
        start_redis
        wait_redis
    fi
    start_workers
    start_nginx
    wait_workers
    wait_nginx
    URL=https://localhost:$OPT_PORT/
    printf '%s\n' "$URL" >"$INSTANCE/url"
    exec 9>&-
}

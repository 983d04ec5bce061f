# shellcheck shell=bash
# Writes what nginx of an instance needs: certificate, key for resume tokens, nginx.conf.
# Starts nothing. conf-examples/ has the configurations meant for people's own servers.

kCertDir=$MR_RUN/tls

make_certificate() {
    if [[ -s $kCertDir/cert.pem && -s $kCertDir/key.pem ]] &&
        openssl x509 -in "$kCertDir/cert.pem" -noout -checkend 86400 >/dev/null 2>&1; then
        chmod 600 "$kCertDir/key.pem"
        return 0
    fi
    mkdir -p "$kCertDir"
    local tmp
    tmp=$(mktemp -d "$kCertDir/new.XXXXXX")
    (
        umask 077
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 820 \
            -subj "/CN=localhost" -keyout "$tmp/key.pem" -out "$tmp/cert.pem" \
            -addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1" \
            -addext "basicConstraints=critical,CA:FALSE" \
            -addext "extendedKeyUsage=serverAuth" >"$tmp/log" 2>&1
    ) || {
        complain "the self-signed certificate could not be made."
        show_tail "$tmp/log"
        exit 1
    }
    mv -f -- "$tmp/key.pem" "$tmp/cert.pem" "$kCertDir/"
    rm -rf -- "$tmp"
    say "made a self-signed certificate: $(in_repo "$kCertDir/cert.pem")"
}

# One key for all nginx processes of the instance, kept over restarts: sessions can be resumed.
make_secret() {
    [[ -s $INSTANCE/secret ]] && return 0
    (umask 077 && openssl rand -hex 32 >"$INSTANCE/secret")
}

has_ipv6_loopback() { grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null; }

listen_lines() { # PORT [PARAMETERS]
    printf '        listen 127.0.0.1:%s%s;\n' "$1" "${2:+ $2}"
    if has_ipv6_loopback; then
        printf '        listen [::1]:%s%s;\n' "$1" "${2:+ $2}"
    fi
}

# Everything runs as the user who called ./mr; only root has to say so.
user_line() {
    if ((EUID == 0)); then
        printf 'user %s %s;\n' "$(id -un)" "$(id -gn)"
    fi
}

# nginx's own "auto" counts those of the machine, also where it may use only some of them.
usable_processors() { env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc; }

kOtherFiles=128 # that nginx has open beside connections

# Connections per nginx process, within the limit of open files; for load tests all of them.
connection_limit() {
    local files most=16384
    ((OPT_BENCH)) && most=$kOpenFiles
    files=$(ulimit -n)
    [[ $files == unlimited ]] && files=1048576
    printf '%d' $((files > most + kOtherFiles ? most : files - kOtherFiles))
}

locations() { # written once, included by each server
    cat <<CONF
location = /ws/chat {
    mr_ws chat;
}
location = /ws/voice {
    mr_ws chat;
    mr_ws_voice on;
}
location = /v1/chat {
    mr_ws_http chat;
}
location = /v1/tts {
    mr_ws_http tts;
}
CONF
    if ((OPT_ECHO)); then
        cat <<CONF
# The limits of conf-examples/conformance.conf.
location = /ws/echo {
    mr_ws echo;
    mr_ws_max_frame 16m;
    mr_ws_max_message 16m;
    mr_ws_max_fragments 65536;
    mr_ws_send_limit 16m;
    mr_ws_violation_grace 1s;
    mr_ws_frame_rate 0;
    mr_ws_byte_rate 0;
    mr_ws_deflate on;
    mr_ws_deflate_max_ratio 0;
}
CONF
    fi
    if ((OPT_BENCH)); then
        cat <<CONF
location = /ws/bench {
    mr_ws bench;
}
# nginx's own answer, which ./mr bench handshakes has beside its own.
location = /plain {
    return 200 "ok\n";
}
CONF
    fi
    cat <<CONF
location = /healthz {
    mr_ws_health live;
    access_log off;
}
location = /readyz {
    mr_ws_health ready;
    access_log off;
}
location = /metrics {
    mr_ws_metrics;
    access_log off;
}
location /client/ {
    alias $MR_ROOT/web/client/;
}
location /vendor/ {
    alias $MR_BUILD/vendor/;
}
location / {
    root $MR_ROOT/web/page;
    index index.html;
}
CONF
}

write_nginx_conf() {
    locations >"$INSTANCE/locations.conf"
    {
        cat <<CONF
# Written anew by ./mr at every start.
$(user_line)
load_module $kModule;
daemon off;
pid $INSTANCE/nginx.pid;
lock_file $INSTANCE/nginx.lock;
error_log $LOG_DIR/nginx.log notice;
worker_processes ${OPT_NGINX_PROCESSES:-$(usable_processors)};
worker_shutdown_timeout $((kNginxGraceMs / 1000 - 2))s;

events {
    worker_connections $(connection_limit);
}

http {
    include /etc/nginx/mime.types;
    types {
        text/javascript mjs;
    }
    default_type application/octet-stream;
    charset utf-8;
    access_log $LOG_DIR/access.log;
    client_body_temp_path $INSTANCE/tmp/body;
    proxy_temp_path $INSTANCE/tmp/proxy;
    fastcgi_temp_path $INSTANCE/tmp/fastcgi;
    uwsgi_temp_path $INSTANCE/tmp/uwsgi;
    scgi_temp_path $INSTANCE/tmp/scgi;
    server_tokens off;
    gzip on;
    gzip_comp_level 5;
    gzip_types text/css text/javascript application/javascript application/json image/svg+xml;
    add_header X-Content-Type-Options nosniff;
    add_header X-Frame-Options DENY;

    mr_ws_redis $REDIS_URL;
    mr_ws_secret_file $INSTANCE/secret;
    mr_ws_drain 2s;
$(((OPT_BENCH)) && printf '    mr_ws_zone_size 64m; # sessions by the ten thousand\n')

    server {
$(listen_lines "$OPT_PORT" "ssl http2${OPT_NGINX_PROCESSES:+ reuseport}")
        server_name localhost;
        ssl_certificate $kCertDir/cert.pem;
        ssl_certificate_key $kCertDir/key.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
        ssl_session_cache shared:mr_tls:1m;
        ssl_session_tickets off;
        include $INSTANCE/locations.conf;
    }
CONF
        if [[ -n $OPT_HTTP_PORT ]]; then
            cat <<CONF

    server {
$(listen_lines "$OPT_HTTP_PORT")
        server_name localhost;
        include $INSTANCE/locations.conf;
    }
CONF
        fi
        printf '}\n'
    } >"$INSTANCE/nginx.conf"
}

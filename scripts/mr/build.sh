# shellcheck shell=bash
# Builds the nginx module (with nginx's own configure, out of tree), the worker (CMake) and the
# folder of browser libraries. Unchanged sources cost milliseconds. Never starts anything.

kNginxSource=/usr/share/nginx/src
kModule=$MR_BUILD/module/ngx_mr_ws_module.so
MODULE_DIR=$MR_BUILD/module # where build_module builds
kWorker=$MR_BUILD/mr-worker
kNginx=/usr/sbin/nginx

# nginx and nginx-dev must be of one version: Debian's patches move fields inside structures
# without any change of the signature that nginx checks.
require_matching_nginx() {
    local versions binary headers
    versions=$(dpkg-query -W -f='${Package}=${Version}\n' nginx nginx-dev 2>/dev/null || true)
    binary=$(sed -n 's/^nginx=//p' <<<"$versions")
    headers=$(sed -n 's/^nginx-dev=//p' <<<"$versions")
    [[ -x $kNginx && -n $binary && $binary == "$headers" ]] ||
        die "nginx ${binary:-(none)} and nginx-dev ${headers:-(none)} do not fit together." \
            "install both in one version: apt-get install nginx nginx-dev"
    MR_NGINX_VERSION=$binary
}

# The compiler and linker options of the module. -std=c++20 stands in config.make.
module_flags() {
    MODULE_CC_OPT="-O2 -g -fPIC -fno-omit-frame-pointer -fstack-protector-strong -D_FORTIFY_SOURCE=2"
    MODULE_CC_OPT+=" -ffile-prefix-map=$MR_ROOT=."
    MODULE_LD_OPT="-fPIC -Wl,-z,relro -Wl,-z,now"
    [[ $MODULE_DIR == "$MR_BUILD/module" ]] || MODULE_CC_OPT+=" -DMR_TEST_SWITCHES"
}

# Everything that asks for a new configure; changed sources and headers are make's business.
module_stamp() {
    {
        printf '%s\n' "$MR_NGINX_VERSION" "$MODULE_CC_OPT" "$MODULE_LD_OPT" "$MR_ROOT"
        printf '%s\n' "$MR_ROOT"/ngx_mr_ws_module/*.cpp "$MR_ROOT"/shared/*.cpp
        cat "$MR_ROOT"/config "$MR_ROOT"/config.make "$MR_ROOT"/ngx_mr_ws_module/exports.map
    } | sha256sum
}

configure_module() {
    local -a NGX_CONF_FLAGS
    # shellcheck source=/dev/null
    . "$kNginxSource/conf_flags"
    cd "$kNginxSource" &&
        ./configure "${NGX_CONF_FLAGS[@]}" --with-cc-opt="$MODULE_CC_OPT" \
            --with-ld-opt="$MODULE_LD_OPT" --builddir="$MODULE_DIR" \
            --add-dynamic-module="$MR_ROOT"
}

build_module() {
    require_matching_nginx
    module_flags
    local stamp_file=$MODULE_DIR/stamp stamp started
    started=$(now_ms)
    stamp=$(module_stamp)
    local -a make=(make --no-print-directory -C "$kNginxSource" -f "$MODULE_DIR/Makefile" modules)
    if [[ -f $stamp_file && $(<"$stamp_file") == "$stamp" ]]; then
        "${make[@]}" -q >/dev/null 2>&1 && return 0
    else
        say "configuring the module for nginx $MR_NGINX_VERSION"
        mkdir -p "$MODULE_DIR"
        rm -f -- "$stamp_file" "$MODULE_DIR/ngx_mr_ws_module.so"
        step "module configure" "$MR_BUILD/log/module-configure.log" configure_module
        printf '%s\n' "$stamp" >"$stamp_file"
    fi
    step "module build" "$MR_BUILD/log/module.log" "${make[@]}" -j"$(build_jobs)"
    say "module built in $(seconds_since "$started") s"
}

configure_cmake() { # PRESET
    cd "$MR_ROOT" && cmake --preset "$1"
}

# build_cmake PRESET DIRECTORY [TARGET…]: without targets, everything.
build_cmake() {
    local preset=$1 dir=$2 target
    shift 2
    command -v clang++-19 >/dev/null ||
        die "clang++-19 is not on the PATH; older compilers are not supported." \
            "apt-get install clang-19"
    # A copied or moved folder brings a cache that names another place.
    if [[ -f $dir/CMakeCache.txt ]] &&
        ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$MR_ROOT" "$dir/CMakeCache.txt"; then
        rm -rf -- "$dir/CMakeCache.txt" "$dir/CMakeFiles" "$dir/build.ninja"
    fi
    if [[ ! -f $dir/build.ninja || $MR_ROOT/CMakePresets.json -nt $dir/build.ninja ]]; then
        step "cmake configure" "$MR_BUILD/log/cmake-$preset.log" configure_cmake "$preset"
    fi
    local -a ninja=(ninja -C "$dir" -j "$(build_jobs)")
    for target in "$@"; do
        ninja+=("$target")
    done
    local started
    started=$(now_ms)
    step "build ($preset)" "$MR_BUILD/log/build-$preset.log" "${ninja[@]}"
    if ! grep -q 'no work to do' "$MR_BUILD/log/build-$preset.log"; then
        say "${*:-all targets} built in $(seconds_since "$started") s ($preset)"
    fi
}

build_worker() { build_cmake release "$MR_BUILD" mr-worker; }

# The providers of the system tests. Its packages may be newer than the build directory.
build_emulator() {
    grep -q provider-emulator "$MR_BUILD/build.ninja" || rm -f -- "$MR_BUILD/build.ninja"
    build_cmake release "$MR_BUILD" provider-emulator
}

# Worker and module with the switches of shared/guard.h, in a folder of their own.
build_broken() {
    (MODULE_DIR=$MR_BUILD/chaos/module && build_module)
    build_cmake release "$MR_BUILD" mr-worker-broken
}

# Browser libraries for the page. The page works without them, so this never stops a start.
fill_vendor() {
    [[ -f $MR_ROOT/web/vendor.sh ]] || return 0
    mkdir -p "$MR_BUILD/log" "$MR_BUILD/vendor"
    if ! bash "$MR_ROOT/web/vendor.sh" "$MR_BUILD/vendor" >"$MR_BUILD/log/vendor.log" 2>&1; then
        say "some browser libraries are missing; the page shows plain text and tables instead" \
            "($(in_repo "$MR_BUILD/log/vendor.log"))"
    fi
}

build_all() {
    require_plain_path "the repository's path" "$MR_ROOT"
    mkdir -p "$MR_BUILD/log"
    exec 8>"$MR_BUILD/log/lock"
    if ! flock -n 8; then
        say "another ./mr is building; waiting for it"
        flock 8
    fi
    build_module
    build_worker
    fill_vendor
    fill_voice
    exec 8>&-
}

# shellcheck shell=bash
# ./mr asan and ./mr tsan: the tests against binaries that watch their own memory and threads. Knows
# how these binaries are built; which tests there are is the suites' business.

kAsanNginx=$MR_BUILD/asan-nginx
kModuleChecks=-fsanitize=alignment,nonnull-attribute,pointer-overflow

# Sources of the installed nginx's version as Debian ships them, its patches applied. The archive
# may lack the very last security revision: then the newest it has of the same upstream version.
# apt reads lists of its own: the machine's are left alone.
fetch_nginx_source() { # into $kAsanNginx/source
    local apt_dir=$kAsanNginx/apt version wanted=${MR_NGINX_VERSION%%-*} file
    mkdir -p "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial" "$apt_dir/sources"
    for file in /etc/apt/sources.list.d/*.sources; do
        [[ -r $file ]] && sed 's/^Types:.*/Types: deb-src/' "$file" >"$apt_dir/sources/${file##*/}"
    done
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [[ -r $file ]] && sed -n 's/^deb /deb-src /p' "$file" >"$apt_dir/sources/${file##*/}"
    done
    [[ -e $apt_dir/sources/sources.list ]] &&
        mv "$apt_dir/sources/sources.list" "$apt_dir/sources/main.list"
    local -a apt=(-q -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$apt_dir/sources"
        -o "Dir::State::Lists=$apt_dir/lists" -o "Dir::Cache=$apt_dir/cache")
    apt-get "${apt[@]}" update || echo "not every list came; going on with those that did"
    cd "$apt_dir" || return 1
    for version in "$MR_NGINX_VERSION" $(apt-cache "${apt[@]}" showsrc nginx |
        sed -n 's/^Version: //p' | sort -rV); do
        [[ $version == "$wanted"-* ]] || continue
        rm -rf -- "nginx-$wanted"
        if apt-get "${apt[@]}" source "nginx=$version"; then
            rm -rf -- "$kAsanNginx/source"
            mv "nginx-$wanted" "$kAsanNginx/source"
            return 0
        fi
    done
    echo "no source of nginx $wanted can be had"
    return 1
}

# NGX_DEBUG_PALLOC: every ngx_palloc is a malloc, so that what runs over the end of one is seen.
# The checks switched off are those that the sources of nginx itself do not pass; kModuleChecks
# switches them on again for the module.
configure_asan_nginx() {
    local -a NGX_CONF_FLAGS
    # shellcheck source=/dev/null
    . "$kNginxSource/conf_flags"
    local sanitizers="-fsanitize=address,undefined -fno-sanitize-recover=all"
    local cc="-O1 -g -fno-omit-frame-pointer -fPIC -DNGX_DEBUG_PALLOC=1 $sanitizers"
    cc+=" -fno-sanitize=alignment,nonnull-attribute,pointer-overflow"
    cd "$kAsanNginx/source" &&
        cc -g -c "$MR_ROOT/scripts/mr/asan-options.c" -o "$kAsanNginx/asan-options.o" &&
        ./configure "${NGX_CONF_FLAGS[@]}" --with-cc-opt="$cc" \
            --with-ld-opt="$sanitizers $kAsanNginx/asan-options.o" \
            --builddir="$kAsanNginx/objs" --add-dynamic-module="$MR_ROOT"
}

make_asan_nginx() {
    make --no-print-directory -C "$kAsanNginx/source" -f "$kAsanNginx/objs/Makefile" \
        -j"$(build_jobs)" MR_CFLAGS="$kModuleChecks" binary modules
}

build_asan_nginx() {
    require_matching_nginx
    require_plain_path "the repository's path" "$MR_ROOT"
    command -v dpkg-source >/dev/null ||
        die "dpkg-source is missing: it unpacks the sources of nginx." "apt-get install dpkg-dev"
    local stamp started MODULE_CC_OPT=asan MODULE_LD_OPT=
    started=$(now_ms)
    mkdir -p "$kAsanNginx"
    stamp=$(module_stamp; sha256sum <"$MR_ROOT/scripts/mr/sanitize.sh")
    if [[ ! -d $kAsanNginx/source ]]; then
        say "fetching the sources of nginx $MR_NGINX_VERSION"
        step "nginx source" "$MR_BUILD/log/asan-nginx-source.log" fetch_nginx_source
    fi
    if [[ ! -f $kAsanNginx/stamp || $(<"$kAsanNginx/stamp") != "$stamp" ]]; then
        step "asan-nginx configure" "$MR_BUILD/log/asan-nginx-configure.log" configure_asan_nginx
        printf '%s\n' "$stamp" >"$kAsanNginx/stamp"
    fi
    say "building nginx and the module with sanitizers (minutes the first time)"
    step "asan-nginx build" "$MR_BUILD/log/asan-nginx.log" make_asan_nginx
    say "nginx with sanitizers built in $(seconds_since "$started") s"
}

# The suites of ./mr test with other binaries. What is measured of memory is skipped, and timings are
# those of a slower program: what fails for that alone is told by a run without sanitizers.
run_sanitized() { # SUITE WHAT PYTEST-ARGUMENT…
    local suite=$1 what=$2
    shift 2
    mkdir -p "$kArtifacts/$what"
    env MR_SANITIZED="$what" MR_ARTIFACTS="$kArtifacts/$what" MR_BUILD="$MR_BUILD" \
        "$kPython" "$MR_ROOT/scripts/mr/reap.py" \
        "$kPython" -m pytest -q --tb=short -p no:cacheprovider "$MR_ROOT/tests/$suite" "$@"
}

sanitized_unit() { # PRESET DIRECTORY
    build_cmake "$1" "$2"
    ctest --test-dir "$2" -j "$(nproc)" --timeout 300 --output-on-failure
}

sanitized_worker() { # PRESET DIRECTORY WHAT PYTEST-ARGUMENT…
    local preset=$1 dir=$2 what=$3
    shift 3
    build_all
    build_emulator
    build_cmake "$preset" "$dir" mr-worker
    MR_WORKER=$dir/mr-worker run_sanitized system "$what" "$@"
}

sanitized_module() { # PYTEST-ARGUMENT…
    build_all
    build_asan_nginx
    MR_NGINX=$kAsanNginx/objs/nginx MR_MODULE=$kAsanNginx/objs/ngx_mr_ws_module.so \
        run_sanitized module asan "$@"
}

sanitized() { # asan|tsan SUITE ARGUMENT…
    local what=$1 suite=${2:-unit} preset=$1 dir=$MR_BUILD/$1
    shift $(($# > 1 ? 2 : 1))
    [[ ${1:-} == --yes ]] && OPT_YES=1 && shift
    if [[ $what == asan ]]; then
        preset=dev dir=$MR_BUILD/dev
    fi
    mkdir -p "$MR_BUILD/log"
    ensure_packages build run test
    case $what-$suite in
        *-unit) sanitized_unit "$preset" "$dir" ;;
        *-system) sanitized_worker "$preset" "$dir" "$what" "$@" ;;
        asan-module) sanitized_module "$@" ;;
        *) die "./mr $what has no suite '$suite'." "unit, system, and for asan module" ;;
    esac
}

cmd_asan() { sanitized asan "$@"; }

cmd_tsan() { sanitized tsan "$@"; }

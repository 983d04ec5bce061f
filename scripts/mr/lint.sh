# shellcheck shell=bash
# ./mr lint: what a compiler does not say. Each check is one function that prints its findings and
# fails when there are any. Changes nothing; ./mr fmt formats.

kCppFolders=(ngx_mr_ws_module shared worker bench tests)

ensure_formatter() {
    command -v clang-format-19 >/dev/null ||
        die "clang-format-19 is missing." "apt-get install clang-format-19"
}

cpp_sources() { # FIND-ACTION…
    (cd "$MR_ROOT" && find "${kCppFolders[@]}" -name node_modules -prune -o \
        \( -name '*.h' -o -name '*.cpp' \) -type f "$@")
}

lint_format() {
    ensure_formatter
    (cd "$MR_ROOT" && cpp_sources -print0 | xargs -0 clang-format-19 --dry-run --Werror --ferror-limit=1)
}

# module -> shared, worker -> shared; shared knows nobody; nothing includes tests.
lint_includes() {
    local bad
    bad=$(cd "$MR_ROOT" && {
        grep -nE '^#include "(worker|tests|bench|ngx_mr_ws_module)/' -r shared --include='*.h' --include='*.cpp'
        grep -nE '^#include <(boost|nlohmann|ngx_|simdjson)' -r shared --include='*.h' --include='*.cpp'
        grep -nE '^#include "(worker|tests|bench)/' -r ngx_mr_ws_module --include='*.h' --include='*.cpp'
        grep -nE '^#include "(ngx_mr_ws_module|tests|bench)/' -r worker --include='*.h' --include='*.cpp'
    } || true)
    [[ -z $bad ]] || { say "$bad" && return 1; }
}

lint_flat() {
    local bad
    bad=$(cd "$MR_ROOT" && find shared ngx_mr_ws_module -mindepth 1 -type d)
    [[ -z $bad ]] || { say "nginx names objects by folder and file; this folder must stay flat: $bad" && return 1; }
}

# Exactly the three symbols nginx asks for; no runtime that nginx would have to load, and of
# libraries those two alone that docs/dependencies.md has the reasons for.
lint_exports() {
    local have needed
    build_module
    have=$(nm -D --defined-only "$kModule" | awk '{ print $3 }' | sort | tr '\n' ' ')
    [[ $have == "ngx_module_names ngx_module_order ngx_modules " ]] ||
        { say "the module exports: $have" && return 1; }
    needed=$(readelf -d "$kModule" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -Ev '^(libc|ld-linux.*|libcrypto|libz|libcjose|libjansson)\.so' || true)
    [[ -z $needed ]] || { say "the module needs: $needed" && return 1; }
}

# Coroutine forms that compilers get wrong or that hide temporaries; the rules are in the file.
lint_coroutines() {
    command -v clang-query-19 >/dev/null || { say "skipped: clang-query-19 is missing (clang-tools-19)" && return 0; }
    if [[ ! -f $MR_BUILD/compile_commands.json ]]; then
        build_cmake release "$MR_BUILD" mr-worker
    fi
    local report=$MR_BUILD/log/coro-lint.log
    (cd "$MR_ROOT" && grep -rlZ --include='*.cpp' 'co_await' worker |
        xargs -0 -r -n 1 -P "$(build_jobs)" clang-query-19 -p "$MR_BUILD" -f scripts/coro-lint.query) >"$report" 2>&1 ||
        { say "clang-query failed:" && tail -n 20 "$report" && return 1; }
    if grep -qE 'note: "R[0-9]|error:' "$report"; then
        grep -E -A 2 'note: "R[0-9]|error:' "$report"
        return 1
    fi
}

# Directives, settings and error codes stand in the documents, numbers with their default.
lint_docs() {
    local key value missing=0
    local doc=$MR_ROOT/docs/configuration.md
    want() { # TEXT FILE
        grep -qF -- "$1" "$2" || { say "$(in_repo "$2") lacks: $1" && missing=1; }
    }
    want_directive() { # PATTERN FILE: some take no argument
        grep -qE -- "$1" "$2" || { say "$(in_repo "$2") lacks: $1" && missing=1; }
    }
    while IFS= read -r key; do
        want_directive "\`$key[ \`]" "$doc"
        want_directive "$key[ ;]" "$MR_ROOT/conf-examples/full.conf"
    done < <(grep -oP 'ngx_string\("\K[a-z_]+' "$MR_ROOT/ngx_mr_ws_module/module.cpp")
    while IFS=$'\t' read -r key value; do
        want "| \`$key\` | ${value:+\`$value\`}" "$doc"
    done < <(grep -ohP '^    \{"\K[a-z_]+", "[^"]*"' "$MR_ROOT"/worker/settings_rows*.cpp | sed 's/", "/\t/; s/"$//')
    while IFS= read -r key; do
        want "| \`$key\` |" "$MR_ROOT/docs/protocol.md"
    done < <(grep -oP 'ErrorCode::[a-z_]+, "\K[a-z_]+' "$MR_ROOT/shared/error_code.h")
    return "$missing"
}

lint_shell() {
    command -v shellcheck >/dev/null || { say "skipped: shellcheck is missing" && return 0; }
    # -x: ./mr sources the parts, so they are checked as one program; the rest stand alone.
    (cd "$MR_ROOT" && shellcheck -x --severity=warning mr .ci/run scripts/mr/apt-install.sh &&
        find tests web -name node_modules -prune -o -name '*.sh' -type f -print0 |
        xargs -0 -r shellcheck --severity=warning)
}

cmd_lint() {
    ensure_packages build run
    mkdir -p "$MR_BUILD/log"
    local check failed=0
    for check in format includes flat docs exports shell coroutines; do
        if ("lint_$check"); then
            say "lint $check: ok"
        else
            say "lint $check: FAILED"
            failed=$((failed + 1))
        fi
    done
    ((failed == 0)) || die "$failed lint check(s) failed."
}

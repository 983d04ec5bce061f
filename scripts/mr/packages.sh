# shellcheck shell=bash
# Finds the Debian packages that are missing and installs them. Never calls apt when nothing is
# missing, never installs without root or a confirmed sudo, never leaves a service started.

kPackagesFile=$MR_ROOT/packaging/packages.txt

# Lines "a | b" of the given sections, comments removed.
packages_of() { # SECTION…
    awk -v wanted=" $* " '
        { sub(/#.*/, ""); gsub(/^[ \t]+|[ \t]+$/, "") }
        /^\[.*\]$/ { on = index(wanted, " " substr($0, 2, length($0) - 2) " "); next }
        on && $0 != "" { print }' "$kPackagesFile"
}

# One dpkg-query for everything: names and what they provide (npm may come with nodejs).
missing_packages() { # SECTION… -> one line per unmet entry, alternatives kept
    awk '
        NR == FNR {
            n = split($0, names, /,[ \t]*/)
            for (i = 1; i <= n; i++) {
                sub(/[ (].*/, "", names[i])
                have[names[i]] = 1
            }
            next
        }
        {
            met = 0
            count = split($0, options, /[ \t]*\|[ \t]*/)
            for (i = 1; i <= count; i++) if (options[i] in have) met = 1
            if (!met) print
        }' <(dpkg-query -W -f='${db:Status-Status} ${Package}, ${Provides}\n' 2>/dev/null |
        sed -n 's/^installed //p') <(packages_of "$@")
}

# Chooses among alternatives, and pins nginx-dev to an nginx that is already installed: the
# package would otherwise drag in another nginx under a running server.
choose_packages() { # reads missing_packages' lines
    local line option chosen version
    while IFS= read -r line; do
        chosen=
        for option in ${line//|/ }; do
            if [[ -z $chosen ]] && apt-cache show "$option" >/dev/null 2>&1; then
                chosen=$option
            fi
        done
        chosen=${chosen:-${line%% *}}
        if [[ $chosen == nginx-dev ]]; then
            version=$(dpkg-query -W -f='${Version}' nginx 2>/dev/null || true)
            if [[ -n $version ]]; then
                chosen=nginx-dev=$version
            fi
        fi
        printf '%s\n' "$chosen"
    done
}

confirm_sudo() { # COMMAND-LINE
    ((OPT_YES)) && return 0
    [[ -t 0 ]] || die "packages are missing and there is no terminal to ask on." \
        "repeat with --yes, or let an administrator run: $1"
    say "These packages are missing. The command is:"
    say "  sudo $1"
    local answer
    read -r -p "Run it now? [Y/n] " answer
    [[ -z $answer || $answer == [yY]* ]] || die "nothing was installed." "run that command, then ./mr again"
}

ensure_packages() { # SECTION…
    command -v dpkg-query >/dev/null ||
        die "this system has no dpkg: ./mr sets up Debian 12 and later only." \
            "install the packages named in packaging/packages.txt by hand; docs/development.md has the build commands"
    local missing
    missing=$(missing_packages "$@")
    [[ -z $missing ]] && return 0

    local -a chosen
    mapfile -t chosen < <(choose_packages <<<"$missing")
    local plain="apt-get install --no-install-recommends ${chosen[*]}"
    local helper=$MR_ROOT/scripts/mr/apt-install.sh
    local log=$MR_BUILD/log/apt.log
    if ((EUID == 0)); then
        say "installing ${#chosen[@]} Debian packages: ${chosen[*]}"
        step "package installation" "$log" bash "$helper" "${chosen[@]}"
    elif command -v sudo >/dev/null; then
        confirm_sudo "bash $helper ${chosen[*]}"
        say "installing ${#chosen[@]} Debian packages: ${chosen[*]}"
        sudo -v || die "sudo refused." "an administrator must run: $plain"
        step "package installation" "$log" sudo bash "$helper" "${chosen[@]}"
    else
        die "packages are missing, and here is neither root nor sudo." \
            "an administrator must run: $plain"
    fi
    missing=$(missing_packages "$@")
    [[ -z $missing ]] || die "still missing after the installation: ${missing//$'\n'/, }" \
        "see $(in_repo "$log")"
}

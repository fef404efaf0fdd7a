# For the scripts beside it: steps that say a short line and keep their output for the bad case.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/consoles
logs=build/log
mkdir -p "$cache" "$logs"

say() { printf '%s\n' "$*" >&2; }

die() { say "$*"; exit 1; }

# step NAME TEXT COMMAND...: run with the output in build/log/NAME.log.
step() {
    local log=$logs/$1.log
    say "$2 ..."
    shift 2
    "$@" >"$log" 2>&1 </dev/null && return
    tail -n 20 "$log" >&2
    die "failed: $* (all of it in $log)"
}

# The hash of what is read.
digest() { sha256sum | cut -c 1-16; }

# Whether anything is missing here is asked of dpkg; other distributions cannot be asked.
missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
            printf '%s ' "$package"
    done
}

# install_packages PACKAGE...: as root or through a sudo that asks nothing, else say what to do.
install_packages() {
    local missing as_root=()
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null ||
        die "this is not a Debian system; install what it calls: $missing"
    if [ "$(id -u)" != 0 ]; then
        as_root=(sudo -n)
        sudo -n true 2>/dev/null || die "missing; run: sudo apt-get install $missing"
    fi
    as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    step apt-update "refreshing Debian's package lists" "${as_root[@]}" update
    # shellcheck disable=SC2086
    step apt-install "installing Debian packages: $missing" \
        "${as_root[@]}" install -y --no-install-recommends $missing
}

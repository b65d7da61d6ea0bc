# shellcheck shell=bash
# Sourced by scripts/run, test and check. Makes what they need and nothing twice; sets `python`.
#
#   environment run|test|check     a virtual environment `.venv` in the checkout with these packages
#   qt_libraries offscreen|window  the system libraries that Qt loads there
#
# CNNVIS_PYTHON names an interpreter that has every library already; it is used as it is.
# Written for bash 3.2, which is what macOS has.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$root/.venv"

say() { printf '%s\n' "$*" >&2; }

# What an environment depends on: the checkout's place, the interpreter, the declared dependencies.
# Read from files, because starting Python costs more than all the rest.
fingerprint() {
    sed -n '1,/^\[tool\.ruff\]/p' "$root/pyproject.toml" | cksum
    printf '%s\n' "$root"
    grep -E '^(home|version)' "$venv/pyvenv.cfg"
}

same_as() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

find_python() {
    local name
    for name in python3.13 python3.12 python3.11 python3 python; do
        # A name on PATH may be a version manager's stub that does not run.
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$name"
            return
        fi
    done
    say "cnnvis needs Python 3.11 or newer; none was found on PATH. Install it, or name one with CNNVIS_PYTHON."
    return 1
}

make_venv() {
    local base
    base=$(find_python) || return 1
    say "Making an environment in $venv with $("$base" --version) …"
    rm -rf "$venv"
    if ! "$base" -c 'import ensurepip' >/dev/null 2>&1; then
        system_packages python3-venv || return 1
    fi
    "$base" -m venv "$venv"
}

# An interpreter that has what `run`, `test` or `check` needs.
environment() {
    local stamp="$venv/installed-$1" what="${root}[lime]"
    if [ -n "${CNNVIS_PYTHON:-}" ]; then
        python="$CNNVIS_PYTHON"
        export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
        return
    fi
    python="$venv/bin/python"
    if [ -x "$python" ] && same_as "$stamp" "$(fingerprint)"; then
        return
    fi
    # A checkout that was moved, or whose interpreter is gone, starts afresh.
    if ! { [ -x "$python" ] && same_as "$venv/made-in" "$root"; }; then
        make_venv || return 1
    fi
    [ "$1" = run ] || what="${root}[lime,$1]"
    say "Installing what cnnvis needs to $1; the first time takes a few minutes …"
    install_torch && pip_install --editable "$what" || return 1
    printf '%s\n' "$root" > "$venv/made-in"
    fingerprint | tee "$venv/installed-run" > "$stamp"  # whoever can test or check can run
}

pip_install() {
    "$python" -m pip install --quiet --no-input --disable-pip-version-check "$@"
}

# The version that cnnvis is measured with. The CPU build suffices where pip can reach one; a build that is
# installed already, for CUDA or not, is kept, and any version that pyproject.toml allows will do.
install_torch() {
    if "$python" -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("torch") is None)'; then
        return
    fi
    pip_install torch==2.13.0 2>/dev/null || pip_install torch
}

# Debian's package for each library, one "package library" a line.
offscreen_libraries='libglib2.0-0 libglib-2.0.so.0
libgl1 libGL.so.1
libegl1 libEGL.so.1
libxkbcommon0 libxkbcommon.so.0
libfontconfig1 libfontconfig.so.1
libdbus-1-3 libdbus-1.so.3'
window_libraries="$offscreen_libraries
libxkbcommon-x11-0 libxkbcommon-x11.so.0
libxcb-cursor0 libxcb-cursor.so.0
libxcb-icccm4 libxcb-icccm.so.4
libxcb-keysyms1 libxcb-keysyms.so.1
libxcb-shape0 libxcb-shape.so.0
libx11-xcb1 libX11-xcb.so.1"

# A missing library is said, not fatal: other distributions name and place them differently.
qt_libraries() {
    local wanted="$offscreen_libraries" known missing='' package library
    [ "$(uname)" = Linux ] || return 0
    [ "$1" = offscreen ] || wanted="$window_libraries"
    known=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null) || return 0
    while read -r package library; do
        case "$known" in
            *"$library"*) ;;
            *) missing="$missing $package" ;;
        esac
    done <<< "$wanted"
    # shellcheck disable=SC2086  # a list of words
    [ -z "$missing" ] || system_packages $missing || true
}

# A virtual screen for the tests that drive a real window; they are skipped or run offscreen without it.
virtual_screen() {
    [ "$(uname)" = Linux ] || return 0
    command -v Xvfb >/dev/null && command -v xauth >/dev/null && return 0
    system_packages xvfb xauth || true
}

# Installs Debian packages where this user may, else says how.
system_packages() {
    local as=''
    if command -v apt-get >/dev/null; then
        if [ "$(id -u)" != 0 ]; then as='sudo -n'; fi
        if [ -z "$as" ] || $as true 2>/dev/null; then
            say "Installing $* …"
            $as env DEBIAN_FRONTEND=noninteractive apt-get -qq update >/dev/null 2>&1 || true
            if $as env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null
            then
                return 0
            fi
        fi
        say "cnnvis needs system libraries. Please run: sudo apt-get install $*"
    else
        say "cnnvis needs the system libraries that Debian calls: $*. Please install your system's packages of them."
    fi
    return 1
}

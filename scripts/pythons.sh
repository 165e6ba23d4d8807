#!/bin/sh
# usage: pythons.sh [any]
# Print the usable Pythons, one path a line, one for each minor version, best
# first: $PYTHON, then python3 if it is new enough, then the newest. "Usable" is
# found out by running it: a name on PATH may be a shim that leads nowhere, and
# Debian ships Pythons that cannot make environments. `any` prints those too.
set -u

candidates() {
    if [ -n "${PYTHON:-}" ]; then command -v "$PYTHON" || :; fi
    command -v python3 || :
    for minor in 13 12 11 14 15; do
        command -v "python3.$minor" || :
        for found in "${HOME:-/nonexistent}"/.pyenv/versions/3."$minor"*/bin/python3."$minor" \
            /usr/bin/python3."$minor" /usr/local/bin/python3."$minor" \
            /opt/homebrew/bin/python3."$minor"; do
            if [ -x "$found" ]; then echo "$found"; fi
        done
    done
}

# 11: requires-python in pyproject.toml.
seen=' '
candidates | while read -r python; do
    answer=$("$python" -c '
import sys
assert sys.implementation.name == "cpython" and sys.version_info >= (3, 11)
if sys.argv[1] != "any":
    try:
        import ensurepip, venv
    except ImportError:
        import virtualenv
print(sys.version_info[1], sys.executable)' "${1:-usable}" 2>/dev/null </dev/null) || continue
    minor=${answer%% *}
    case $seen in *" $minor "*) continue ;; esac
    seen="$seen$minor "
    echo "${answer#* }"
done

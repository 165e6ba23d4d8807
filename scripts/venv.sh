#!/bin/sh
# usage: venv.sh DIR [PIP-ARGUMENT...]
# Make DIR a virtual environment with this checkout installed in it (editable),
# and whatever else pip is asked for, such as `--group dev`. Does nothing when
# DIR is up to date: a stamp holds what it was made from. Asked for nothing
# more, an environment that has more will do. $PYTHON chooses the interpreter.
set -eu

die() {
    echo "venv.sh: $1" >&2
    shift
    for hint; do echo "         $hint" >&2; done
    exit 1
}

dir=$1
shift
cd "$(dirname "$0")/.."

case $PWD/$dir in
*[[:space:]]*) die "the path '$PWD/$dir' has a space in it, and no #! line can hold that" \
    "move the checkout, or: make VENV=/somewhere/else" ;;
esac

source=$(cat pyproject.toml scripts/venv.sh scripts/ampt scripts/ampt-cli completions/* man/* | cksum)
wanted="$source $*"
stamp=$dir/.ampt-installed
if [ -x "$dir/bin/ampt" ] && "$dir/bin/python" -c '' 2>/dev/null; then
    case $(cat "$stamp" 2>/dev/null) in
    "$wanted") exit 0 ;;
    "$source "*) if [ $# -eq 0 ]; then exit 0; fi ;;
    esac
fi

if ! "$dir/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(sh scripts/pythons.sh | head -n 1)
    if [ -z "$python" ]; then
        poor=$(sh scripts/pythons.sh any)
        [ -n "$poor" ] || die "no Python 3.11 or newer on this machine" \
            "install one, or name it: make PYTHON=/path/to/python3.11 ..."
        die "no Python here can make a virtual environment, for want of ensurepip:" "$poor" \
            "on Debian and Ubuntu: apt-get install python3-venv"
    fi
    echo "making $dir with $python"
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv --clear "$dir"
    else
        "$python" -m virtualenv --quiet --clear "$dir"
    fi
fi

case "$*" in
*--group*) # pip reads dependency groups since 25.1
    "$dir/bin/python" -m pip install -qq --disable-pip-version-check --upgrade 'pip>=25.1'
    ;;
esac
echo "installing ampt in $dir" "$@"
# -qq: errors alone
rm -f "$stamp"
"$dir/bin/python" -m pip install -qq --disable-pip-version-check --editable . "$@"
echo "$wanted" >"$stamp"

# bash completion for ampt-cli. Generated from the command line by `make docs`. Do not edit.
# shellcheck disable=SC1091 # it is there under that name once it is installed
. "${BASH_SOURCE[0]%/*}/ampt"

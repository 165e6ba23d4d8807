#!/bin/sh
# Two minutes with ampt, in a folder that is gone afterwards.
set -eu

ampt=${AMPT:-ampt}
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
trap 'exit 1' HUP INT TERM
cd "$here"
AMPT_SPOOL=$here/spool
export AMPT_SPOOL

show() { # the command as one would type it, then what it prints
    printf '\n$ ampt'
    for word; do
        case $word in
        *[!A-Za-z0-9_./=-]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    "$ampt" "$@"
}

cat >handlers.py <<'PYTHON'
from ampt_cli import Context, Event, events


@events.on("user.joined")
def welcome(event: Event, context: Context) -> None:
    print(f"welcome, user {event.body['user_id']}")


@events.on("report.due")
def fail(event: Event, context: Context) -> None:
    raise ConnectionError("the mail server is away")
PYTHON

echo "The handlers, in handlers.py:"
sed 's/^./    &/' handlers.py

show publish user.joined '{"user_id": 7}'
show publish report.due --after '1 second'
show publish trial.ended '{"user_id": 7}' --after '1 day'

printf '\n(a second passes)\n'
sleep 1.1

show run --handlers handlers.py
show inspect

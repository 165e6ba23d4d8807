#!/bin/sh
# What the shop's scripts do: three events, now, in a second and in a week.
set -eu
ampt publish user.joined '{"user_id": 7}'
ampt publish invoice.due -f invoice=2026-117 --after 1s
ampt publish invoice.due -f invoice=2026-118 --after "1 week" --id reminder-2026-118

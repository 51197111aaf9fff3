#!/usr/bin/env bash
# Launches nvcc (through ccache, where it comes first) and keeps what ptxas says of each kernel beside the object, in
# OBJECT.ptxas; tests/registers.sh reads it. All else that the compiler says is passed on.
set -uo pipefail
object=/dev/null previous=
for argument; do
  [[ $previous == -o ]] && object=$argument
  previous=$argument
done
report='^ptxas info |^ +[0-9]+ bytes stack frame'
said=$("$@" 2>&1)
status=$?
grep -E "$report" <<<"$said" >"$object.ptxas"
grep -Ev "$report|^$" <<<"$said" >&2
exit $status

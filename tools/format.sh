#!/usr/bin/env bash
# Formats every C++ and CUDA file as tests/style wants it, with clang-format 14 (Debian: apt install clang-format-14).
#
#   bash tools/format.sh          all files that git knows
#   bash tools/format.sh hook     and from now on before each commit of this clone
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
case ${1:-} in
  '') ;;
  hook)
    hook=$(git rev-parse --git-path hooks)/pre-commit
    mkdir -p "$(dirname "$hook")"
    if [[ -e $hook ]] && ! grep -q tools/format.sh "$hook"; then
      echo "format.sh: there is a pre-commit hook already, $hook: add a line 'bash tools/format.sh' to it" >&2
      exit 1
    fi
    printf '#!/bin/sh\nbash tools/format.sh && git diff --quiet -- "*.h" "*.inc" "*.cpp" "*.cuh" "*.cu" ||\n%s\n' \
      '  { echo "files were formatted: git add them and commit again" >&2; exit 1; }' >"$hook"
    chmod +x "$hook"
    ;;
  *) sed -n '2,/^set/{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; [[ $1 == --help || $1 == -h ]] && exit 0 || exit 2 ;;
esac
format=$(command -v clang-format-14 || command -v clang-format || true)
if [[ -z $format || $("$format" --version) != *'version 14.'* ]]; then
  echo "format.sh: needs clang-format 14: other versions format some lines differently (Debian: apt install clang-format-14)" >&2
  exit 1
fi
git ls-files -z '*.h' '*.inc' '*.cpp' '*.cuh' '*.cu' | xargs -0 "$format" -i

#!/usr/bin/env bash
# What ptxas says of each kernel of a build by nvcc: registers, bytes of static shared memory, of stack and of spills.
#
#   bash tests/registers.sh [BUILD [REGEX]]      build/cuda, and all kernels, without them; a file is called FAMILY/NAME
#
# Exit status 1 where a kernel spills registers, or none whose name or file fits was compiled there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build/cuda} pattern=${2:-.}

find "$build/kernels" -name '*.ptxas' -size +0 | sort | while read -r report; do
  file=$(sed -E 's|.*[.]dir/(__/)?||; s|(.*/)?([a-z_]+)/cuda/(sm90/)?|\2/|; s|[.]cu[.]o[.]ptxas$||' <<<"$report")
  awk -v file="$file" '
    /Compiling entry function/ { split($0, quoted, "\047"); name = quoted[2]; card = quoted[4] }
    /bytes stack frame/ && name { stack = $1; spills = $5 + $9 }
    /: Used .* registers/ && name {
      match($0, /Used [0-9]+/); registers = substr($0, RSTART + 5, RLENGTH - 5)
      shared = match($0, /[0-9]+ bytes smem/) ? substr($0, RSTART, RLENGTH - 11) : 0
      printf "%s %s %d %d %d %d %s\n", card, file, registers, shared, stack, spills, name
      name = ""
    }' "$report"
done | c++filt |
  sed -E 's/polonaise::(kernels::)?|\(anonymous namespace\):://g' | grep -E "$pattern" | sed 's/ void / /' | sort -k2,2 -k7 -k1,1 |
  awk '
    function without_parameters(text,    at, depth) {
      for (at = length(text); at > 0; --at) {
        depth += (substr(text, at, 1) == ")") - (substr(text, at, 1) == "(")
        if (depth == 0) return substr(text, 1, at - 1)
      }
      return text
    }
    BEGIN { print "card   file                      registers shared stack spills kernel" }
    { text = ""; for (i = 7; i <= NF; ++i) text = text " " $i
      printf "%-6s %-25s %9d %6d %5d %6d%s\n", $1, $2, $3, $4, $5, $6, without_parameters(text)
      ++kernels; if ($6 > 0) ++spilled }
    END { print kernels + 0 " kernels, " spilled + 0 " of them spill registers"; exit !kernels || spilled }'

# The tables of tools/recipes/learning.sh: reads baselines.tsv (set, unigram, bigram) and, twice, results.tsv (way,
# set, network, window, seed, step, targets, seconds, nats, nats of lengths), with pass=2 before the second time. `way`
# says which rows to table.

BEGIN { FS = "\t"; kNever = 1e9 }

FILENAME ~ /baselines\.tsv$/ { unigram[$1] = $2; bigram[$1] = $3; next }

# The last validation of a network as it started before stands.
pass != 2 { if ($1 == "before") { before[$2, $3, $4] = $9; before_step[$2, $3, $4] = $6 } next }

$1 == way {
  one = $2 FS $3 FS $4 FS $5
  if (!(one in nats)) {
    order[++runs] = one
    if (!(($2, $4) in row)) { row[$2, $4] = 1; rows[++many] = $2 FS $4 }
    if (!($3 in network)) { network[$3] = 1; networks[++kinds] = $3 }
    if (!($2 in known)) { known[$2] = 1; sets[++different] = $2 }
  }
  goal = $3 == "bilstm" && $2 ~ /tsd|remi|perf/ ? (unigram[$2] + bigram[$2]) / 2 : bigram[$2]
  if ($9 < goal && !(one in passed)) { passed[one] = $6; after[one] = $8 }
  if (($2, $3, $4) in before && $9 <= before[$2, $3, $4] && !(one in reached)) reached[one] = $6
  if (!(one in best) || $9 < best[one]) best[one] = $9
  nats[one] = $9; lengths[one] = $10
}

# One more run that a goal is for: whether it holds there, and `value`, of which the greatest is told; and what it is
# called where it does not, seeds aside.
function count(goal, holds, value, name) {
  ++of[goal]
  if (holds) ++held[goal]
  else if (!((goal, name) in told)) {
    told[goal, name] = 1
    missed[goal] = missed[goal] (missed[goal] == "" ? "" : ", ") name
  }
  if (!(goal in worst) || value > worst[goal]) worst[goal] = value
}

function say(goal, text, shape) {
  if (of[goal] == 0) return
  value = worst[goal] == kNever ? "not reached" : sprintf(shape, worst[goal])
  printf "| %s | %d of %d | %s | %s |\n", text, held[goal], of[goal], value, missed[goal]
}

END {
  for (r = 1; r <= runs; ++r) {
    split(order[r], f, FS); one = order[r]
    name = f[1] " " f[2] " " f[3]
    limit = f[2] == "bilstm" || f[3] > 64 ? 120 : 30
    if (f[2] != "bilstm") count("steps", one in passed && passed[one] <= 500, one in passed ? passed[one] : kNever, name)
    count(limit, one in passed && after[one] <= limit, one in passed ? after[one] : kNever, name)
    if (f[1] == "asap-chordvec" && f[2] != "bilstm") {
      kind = f[2] == "transformer" ? "6.70" : f[3] > 64 ? "7.70" : "7.40"
      count(kind, nats[one] <= kind, nats[one], name)
      count("lengths", lengths[one] < 0.75, lengths[one], name)
    }
    if ((f[1], f[2], f[3]) in before)
      count("before", one in reached && reached[one] <= 300, one in reached ? reached[one] : kNever, name)
  }
  # Of several seeds a cell has the mean of the best losses, and the slowest passage of the bigram.
  print "| goal | runs | worst | not in |"
  print "|---|---|---|---|"
  say("steps", "the bigram is passed within 500 steps", "%d")
  say(30, "within 30 s on windows up to 64", "%.1f s")
  say(120, "within 120 s on windows of 200, and `bilstm`", "%.1f s")
  say("7.40", "ASAP, `chordvec`, 500 steps: `rnn`, `lstm`, `gru` at most 7.40 on windows up to 64", "%.2f")
  say("7.70", "the same, at most 7.70 on windows of 200", "%.2f")
  say("6.70", "the same, `transformer` at most 6.70", "%.2f")
  say("lengths", "the same, lengths below 0.75", "%.3f")
  say("before", "in 300 steps the loss that was reached in 1,500 before", "%d steps")

  printf "\n| set | window | bigram |"
  for (k = 1; k <= kinds; ++k) printf " %s |", networks[k]
  printf "\n|---|---|---|"
  for (k = 1; k <= kinds; ++k) printf "---|"
  print ""
  for (i = 1; i <= many; ++i) {
    split(rows[i], f, FS)
    printf "| %s | %s | %.2f |", f[1], f[2], bigram[f[1]]
    for (k = 1; k <= kinds; ++k) {
      n = sum = slowest = seconds = never = 0
      for (r = 1; r <= runs; ++r) {
        split(order[r], g, FS)
        if (g[1] != f[1] || g[2] != networks[k] || g[3] != f[2]) continue
        ++n; sum += best[order[r]]
        if (!(order[r] in passed)) { never = 1; continue }
        if (passed[order[r]] > slowest) slowest = passed[order[r]]
        if (after[order[r]] > seconds) seconds = after[order[r]]
      }
      if (n == 0) printf " |"
      else printf " %.2f, %s |", sum / n, never ? "not passed" : sprintf("%d (%.1f s)", slowest, seconds)
    }
    print ""
  }

  line = ""
  for (i = 1; i <= different; ++i) {
    cells = ""
    for (k = 1; k <= kinds; ++k) {
      key = sets[i] SUBSEP networks[k] SUBSEP 48
      cell = ""
      if (key in before) {
        late = never = 0
        for (r = 1; r <= runs; ++r) {
          split(order[r], g, FS)
          if (g[1] != sets[i] || g[2] != networks[k] || g[3] != 48) continue
          if (!(order[r] in reached)) never = 1
          else if (reached[order[r]] > late) late = reached[order[r]]
        }
        end = before_step[key] == 1500 ? "" : " (" before_step[key] ")"
        cell = sprintf("%.2f%s, %s", before[key], end, never ? "not reached" : late)
        line = "yes"
      }
      cells = cells " " cell " |"
    }
    table[i] = sprintf("| %s |%s", sets[i], cells)
  }
  if (line == "") exit
  printf "\n| set, windows of 48 |"
  for (k = 1; k <= kinds; ++k) printf " %s |", networks[k]
  printf "\n|---|"
  for (k = 1; k <= kinds; ++k) printf "---|"
  print ""
  for (i = 1; i <= different; ++i) print table[i]
}

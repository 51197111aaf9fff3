#include <fmt/format.h>

#include "io/metrics/metrics.h"
#include "tools/metrics/metrics_report.h"

namespace polonaise::tools {
namespace {

// Lines of at most 100 columns, indented.
std::string wrapped(std::string_view text) {
  constexpr std::size_t kWidth = 96;
  std::string out;
  while (!text.empty()) {
    std::size_t length = text.size();
    if (length > kWidth) length = text.rfind(' ', kWidth);
    out += fmt::format("    {}\n", text.substr(0, length));
    text.remove_prefix(std::min(text.size(), length + 1));
  }
  return out;
}

}  // namespace

std::string definitions_text() {
  std::string out = "Metrics of a piece. Percussion (channel 9) is left out; notes are in order of (onset, pitch).\n";
  out += wrapped(
      "A piece with a marker \"continuation\" is measured from there on, in metrics, distances and novelty: notes that "
      "begin before it are left out, and so is the time until it. Bars and beats remain those of the piece. Other "
      "markers do not matter; of several of this name the first counts.");
  out += "\n";
  for (const io::MetricInfo& info : io::metric_table()) {
    std::string kind = std::string(info.unit);
    if (info.size == 12) kind = "12 shares";
    if (info.size == 144) kind = "12 x 12 shares";
    out += kind.empty() ? fmt::format("{}\n", info.name) : fmt::format("{} ({})\n", info.name, kind);
    out += wrapped(info.definition);
  }
  out += "\nDistances of two sets (--against), in each metric\n";
  out += wrapped(
      "The mean Euclidean distance of the pieces of a set from each other (within), and from those of the other set "
      "(between). Both lists of distances as densities, by Gaussian kernels of Scott's width, on one grid of 1000 "
      "points: KL is the integral of p log(p / q), p within and q between, in nats, 0 where they agree; overlap that "
      "of min(p, q), 1 where they agree. \"Its halves\" compares every second piece of the other set with the rest of "
      "it: what sets of one kind come to. \"Random notes\" compares it with what chance makes of it: for each piece as "
      "many notes, evenly over its length, 88 keys and 1 to 16 sixteenths. Of large sets 128 pieces, evenly spaced.");
  out += "\nNovelty (--training)\n";
  out += wrapped(
      "The longest run of consecutive notes that a training piece holds too. Exact: the same pitches at the same "
      "distances of onsets, in 1/48 quarters. Whatever the key and tempo: the same intervals, the same ratios of "
      "successive distances (1, 3/2, 2, 3, 4 times are told apart), and the same chords. How long notes are held does "
      "not enter. Notes that begin within 1/24 quarter of each other are one chord, ordered from low to high. \"In "
      "runs >= n\" is the share of a piece's notes that lie in such runs of at least n notes; \"all\" before a run's "
      "length, that "
      "it is the whole piece. Of equally long runs one that is a whole training piece is named before others, and an "
      "exact one before a transposed one. Pieces known to be no "
      "copies, the dataset's test split or those of --against, show what style comes to, and random notes, as many and "
      "as long, what chance does. Where --training is a dataset, pieces are compared as its encoding keeps them, and "
      "bars are those of the decoded pieces.");
  return out;
}

}  // namespace polonaise::tools

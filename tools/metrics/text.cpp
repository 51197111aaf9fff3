#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "tools/cli/files.h"
#include "tools/cli/table.h"
#include "tools/jobs/progress.h"
#include "tools/metrics/metrics_report.h"

namespace polonaise::tools {
namespace {

constexpr std::size_t kLongestShown = 10;
constexpr auto kLeft = Table::Align::left;

std::string cell(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}
std::string percent(double share) {
  return fmt::format("{:.1f} %", 100 * share);
}

std::string titled(const io::MetricInfo& info) {
  return info.unit.empty() ? std::string(info.name) : fmt::format("{} ({})", info.name, info.unit);
}

std::string set_line(std::string_view title, const MeasuredSet& set) {
  std::int64_t notes = 0;
  for (const io::PieceMetrics& piece : set.metrics) notes += piece.notes;
  std::string line = fmt::format("{} {}: {}, {}\n", title, set.pieces.label, counted(std::ssize(set.metrics), "piece"),
                                 counted(notes, "note"));
  const std::int64_t continued = continuations(set.pieces);
  if (continued == 0) return line;
  const bool one = continued == 1;
  return line + fmt::format("{} {} measured from {} marker '{}' on; --whole measures all of {}\n",
                            counted(continued, "piece"), one ? "is" : "are", one ? "its" : "their",
                            io::kContinuationMarker, one ? "it" : "them");
}

std::string summary_table(const Report& report) {
  std::vector<Table::Column> columns = {{"metric", kLeft}, {"mean"}, {"sd"}, {"min"}, {"max"}};
  if (report.against) columns.insert(columns.end(), {{"against: mean"}, {"sd"}});
  Table table(columns);
  for (const io::MetricInfo& info : io::metric_table()) {
    if (info.size != 1) continue;
    const Summary set = summarise(report.set.metrics, info.metric);
    std::vector<std::string> cells = {titled(info), cell(set.mean), cell(set.deviation), cell(set.least),
                                      cell(set.most)};
    if (report.against) {
      const Summary against = summarise(report.against->metrics, info.metric);
      cells.insert(cells.end(), {cell(against.mean), cell(against.deviation)});
    }
    table.row(cells);
  }
  return table.text();
}

// The mean over the pieces that have the histogram.
std::vector<std::string> mean_shares(const MeasuredSet& set, io::Metric metric, const std::string& title) {
  std::array<double, 12> sum{};
  int pieces = 0;
  for (const io::PieceMetrics& piece : set.metrics) {
    const auto values = piece[metric];
    if (values.empty()) continue;
    for (std::size_t i = 0; i < 12; ++i) sum[i] += values[i];
    ++pieces;
  }
  std::vector<std::string> cells = {title};
  for (const double share : sum) cells.push_back(pieces == 0 ? "-" : fmt::format("{:.3f}", share / pieces));
  return cells;
}

std::string histogram_table(const Report& report, io::Metric metric, const std::vector<std::string>& titles) {
  std::vector<Table::Column> columns = {{std::string(io::metric_info(metric).name), kLeft}};
  for (const std::string& title : titles) columns.push_back({title});
  Table table(columns);
  table.row(mean_shares(report.set, metric, "mean share"));
  if (report.against) table.row(mean_shares(*report.against, metric, "against"));
  return table.text();
}

std::string distance_table(const Report& report) {
  std::vector<Table::Column> columns = {
      {"distance in", kLeft}, {"within"}, {"against: within"}, {"between"}, {"KL"}, {"overlap"},
      {"against: KL"},        {"overlap"}};
  if (!report.real.empty()) columns.insert(columns.end(), {{"its halves: KL"}, {"overlap"}});
  columns.insert(columns.end(), {{"random notes: KL"}, {"overlap"}});
  Table table(columns);
  for (const io::MetricInfo& info : io::metric_table()) {
    const auto metric = static_cast<std::size_t>(info.metric);
    const io::SetDistance& distance = report.distances[metric];
    std::vector<std::string> cells = {std::string(info.name), cell(distance.intra_a),  cell(distance.intra_b),
                                      cell(distance.inter),   cell(distance.kl_a),     cell(distance.overlap_a),
                                      cell(distance.kl_b),    cell(distance.overlap_b)};
    if (!report.real.empty()) {
      cells.insert(cells.end(), {cell(report.real[metric].kl_a), cell(report.real[metric].overlap_a)});
    }
    cells.insert(cells.end(), {cell(report.random[metric].kl_b), cell(report.random[metric].overlap_b)});
    table.row(cells);
  }
  return table.text();
}

std::string pieces_table(const Report& report) {
  std::vector<Table::Column> columns = {{"piece", kLeft}, {"notes"}};
  for (const io::MetricInfo& info : io::metric_table()) {
    if (info.size == 1) columns.push_back({std::string(info.name)});
  }
  Table table(columns);
  for (std::size_t i = 0; i < report.set.metrics.size(); ++i) {
    const io::PieceMetrics& piece = report.set.metrics[i];
    std::vector<std::string> cells = {piece_stem(report.set.pieces.scores[i].name), format_count(piece.notes)};
    for (const io::MetricInfo& info : io::metric_table()) {
      if (info.size == 1) cells.push_back(cell(piece.scalar(info.metric)));
    }
    table.row(cells);
  }
  return table.text();
}

std::string compat_table(const Report& report) {
  Table table({{fmt::format("as {} counts", report.compat), kLeft}, {"mean"}, {"sd"}, {"min"}, {"max"}, {"pieces"}});
  for (std::size_t value = 0; value < report.set.compat.front().size(); ++value) {
    std::vector<std::optional<double>> values;
    for (const auto& piece : report.set.compat) values.push_back(piece[value].value);
    const Summary summary = summarise(values);
    table.row({std::string(report.set.compat.front()[value].name), cell(summary.mean), cell(summary.deviation),
               cell(summary.least), cell(summary.most), format_count(summary.pieces)});
  }
  return table.text();
}

std::string longest_run(const io::Copied& copied) {
  return (copied.whole ? "all " : "") + format_count(copied.longest);
}

std::vector<std::string> novelty_cells(std::string name, const io::PieceNovelty& piece) {
  const io::Copied& copied = piece.transposed;
  std::vector<std::string> cells = {std::move(name), format_count(piece.notes), longest_run(copied),
                                    longest_run(piece.exact)};
  for (const double share : copied.share) cells.push_back(percent(share));
  if (copied.longest == 0) return cells;
  cells.push_back(fmt::format("bar {} = {}, bar {}", copied.bar, copied.source, copied.source_bar));
  return cells;
}

// Over the notes of all pieces.
std::vector<std::string> novelty_sum(std::string name, const std::vector<io::PieceNovelty>& pieces) {
  io::PieceNovelty sum;
  std::array<double, io::kNoveltyThresholds.size()> inside{};
  for (const io::PieceNovelty& piece : pieces) {
    sum.notes += piece.notes;
    sum.transposed.longest = std::max(sum.transposed.longest, piece.transposed.longest);
    sum.exact.longest = std::max(sum.exact.longest, piece.exact.longest);
    for (std::size_t i = 0; i < inside.size(); ++i) {
      inside[i] += piece.transposed.share[i] * static_cast<double>(piece.notes);
    }
  }
  std::vector<std::string> cells = {std::move(name), format_count(sum.notes), format_count(sum.transposed.longest),
                                    format_count(sum.exact.longest)};
  for (const double notes : inside)
    cells.push_back(sum.notes == 0 ? "-" : percent(notes / static_cast<double>(sum.notes)));
  return cells;
}

std::vector<std::string> histogram_cells(std::string name, const std::vector<io::PieceNovelty>& pieces) {
  std::array<std::int64_t, io::kNoveltyEdges.size() + 1> notes{};
  for (const io::PieceNovelty& piece : pieces) {
    for (std::size_t i = 0; i < notes.size(); ++i) notes[i] += piece.transposed.histogram[i];
  }
  const std::int64_t sum = std::accumulate(notes.begin(), notes.end(), std::int64_t{0});
  std::vector<std::string> cells = {std::move(name)};
  for (const std::int64_t count : notes) {
    cells.push_back(sum == 0 ? "-" : percent(static_cast<double>(count) / static_cast<double>(sum)));
  }
  return cells;
}

std::string novelty_text(const Report& report, bool all_pieces) {
  std::string out = fmt::format("copied from {} ({}, {}), whatever the key and tempo:\n", report.training,
                                counted(report.training_pieces, "piece"), counted(report.training_notes, "note"));
  std::vector<Table::Column> columns = {{"piece", kLeft}, {"notes"}, {"longest run"}, {"exact"}};
  for (const int threshold : io::kNoveltyThresholds) columns.push_back({fmt::format("in runs >= {}", threshold)});
  columns.push_back({"where the longest run is from", kLeft});
  Table table(columns);
  const std::vector<io::PieceNovelty>& pieces = report.set.novelty;
  std::vector<std::size_t> order(pieces.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (!all_pieces) {
    std::ranges::stable_sort(order, std::ranges::greater{},
                             [&](std::size_t i) { return pieces[i].transposed.longest; });
  }
  const std::size_t shown = all_pieces ? order.size() : std::min(order.size(), kLongestShown);
  for (const std::size_t i : std::span(order).first(shown)) {
    table.row(novelty_cells(piece_stem(report.set.pieces.scores[i].name), pieces[i]));
  }
  table.row(novelty_sum("all pieces", pieces));
  if (report.held_out) {
    table.row(novelty_sum(report.held_out->pieces.label, report.held_out->novelty));
    table.row(novelty_sum("random notes", report.random_novelty));
  }
  out += table.text();
  if (shown < order.size()) {
    out += fmt::format("({} with shorter runs left out: --pieces shows all)\n",
                       counted(std::ssize(order) - static_cast<std::int64_t>(shown), "piece"));
  }

  std::vector<Table::Column> bins = {{"notes by their longest run", kLeft}};
  for (std::size_t i = 0; i <= io::kNoveltyEdges.size(); ++i) {
    bins.push_back({i == 0 ? fmt::format("< {}", io::kNoveltyEdges[0])
                    : i == io::kNoveltyEdges.size()
                        ? fmt::format(">= {}", io::kNoveltyEdges[i - 1])
                        : fmt::format("{}-{}", io::kNoveltyEdges[i - 1], io::kNoveltyEdges[i] - 1)});
  }
  Table histogram(bins);
  histogram.row(histogram_cells("all pieces", pieces));
  if (report.held_out) {
    histogram.row(histogram_cells(report.held_out->pieces.label, report.held_out->novelty));
    histogram.row(histogram_cells("random notes", report.random_novelty));
  }
  out += "\n" + histogram.text();
  if (!report.held_out) out += "there are no held-out pieces to compare with: name some with --against\n";
  return out;
}

}  // namespace

std::string as_text(const Report& report, bool all_pieces) {
  std::string out = set_line("pieces of", report.set);
  if (report.against) out += set_line("against", *report.against);
  out += "\n" + summary_table(report);
  out += "\n" + histogram_table(report, io::Metric::pitch_class_histogram,
                                {"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"});
  out +=
      "\n" + histogram_table(report, io::Metric::note_lengths,
                             {"1", "1/2", "1/4", "1/8", "1/16", "1.", "1/2.", "1/4.", "1/8.", "1/2t", "1/4t", "1/8t"});
  if (all_pieces) out += "\n" + pieces_table(report);
  if (!report.set.compat.empty()) out += "\n" + compat_table(report);
  if (report.against) out += "\n" + distance_table(report);
  if (!report.training.empty()) out += "\n" + novelty_text(report, all_pieces);
  return out;
}

}  // namespace polonaise::tools

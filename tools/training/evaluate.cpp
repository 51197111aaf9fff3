#include "tools/training/evaluate.h"

#include <algorithm>
#include <numeric>

#include "io/data/batches.h"
#include "io/data/windows.h"

namespace polonaise::tools {
namespace {

// Fixed, so that no result depends on the machine; a shard takes 8 rows.
constexpr std::int64_t kRows = 64;
constexpr std::int64_t kChunk = 64;  // events that a recurrent model reads at a time

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// A shard's losses where they can be read.
struct ReadLosses {
  ReadLosses(const AnyDevice& device, const TargetLosses& losses)
      : arranged(losses.arranged), main(device, losses.main), durations(device, losses.durations) {}

  const Arranged arranged;
  const OnHost<float, 1> main, durations;
};

// Takes the last `count` targets of row `row` of a shard as the losses of events from `first` on.
void take(const ReadLosses& losses, std::int64_t row, std::int64_t targets, std::int64_t count, std::int64_t first,
          PieceLosses& piece) {
  for (std::int64_t i = 0; i < count; ++i) {
    const auto index = losses.arranged.target_index(row, targets - count + i);
    piece.main[at(first + i)] = static_cast<double>(losses.main[index]);
    if (!losses.durations.view().empty()) {
      piece.durations[at(first + i)] = static_cast<double>(losses.durations[index]);
    }
  }
}

// A window and where its last `count` losses go: elements from `first` on of its piece's.
struct Reading {
  io::Window window;
  std::int64_t count = 0;
  std::int64_t first = 0;
};

// Windows of T events that end every `stride` events; the last ends with the piece.
void add_overlapping(std::int32_t piece, std::int64_t events, std::int64_t steps, std::int64_t stride,
                     std::vector<Reading>& readings) {
  for (std::int64_t scored = 0; scored < events;) {
    const std::int64_t end = std::min(scored == 0 ? steps : scored + stride, events);
    const std::int64_t begin = std::max<std::int64_t>(0, end - steps);
    const auto length = static_cast<std::int32_t>(end - begin);
    readings.push_back({{piece, length, length, begin}, end - scored, scored});
    scored = end;
  }
}

void add_many_to_one(std::int32_t piece, std::int64_t events, std::int64_t steps, std::int64_t every,
                     std::vector<Reading>& readings) {
  for (std::int64_t target = 0, i = 0; target < events; target += every, ++i) {
    readings.push_back({{piece, static_cast<std::int32_t>(std::min(target + 1, steps)), 1, target}, 1, i});
  }
}

// Nothing to read: the start event, without a target.
constexpr io::Window finished(std::int32_t piece) {
  return {piece, 1, 0, 1};
}

double mean(std::span<const PieceLosses> pieces, io::Protocol protocol, auto&& part, std::int64_t* targets = nullptr) {
  io::ProtocolMean mean(protocol);
  for (const PieceLosses& piece : pieces) mean.add(part(piece));
  if (targets != nullptr) *targets = mean.targets();
  return mean.value();
}

}  // namespace

std::vector<double> PieceLosses::total() const {
  std::vector<double> sum = main;
  for (std::size_t i = 0; i < durations.size(); ++i) sum[i] += durations[i];
  return sum;
}

Scorer::Scorer(const Model& model, const EventShape& shape)
    : model_(model), shape_(shape), shards_(model.parameters()) {}

std::vector<PieceLosses> Scorer::score(std::span<const EventsView> pieces, const ScoreOptions& options) {
  std::vector<PieceLosses> losses(pieces.size());
  const std::int64_t every = model_.many_to_one() ? options.every : 1;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    losses[i].main.resize(at((pieces[i].size() + every - 1) / every));
    if (shape_.has_durations()) losses[i].durations.resize(losses[i].main.size());
  }
  if (model_.carries_state()) {
    carry_state(pieces, losses);
  } else {
    read_windows(pieces, options, losses);
  }
  return losses;
}

void Scorer::carry_state(std::span<const EventsView> pieces, std::vector<PieceLosses>& losses) {
  // Pieces of like length side by side.
  std::vector<std::int32_t> order(pieces.size());
  std::iota(order.begin(), order.end(), 0);
  const auto size = [&](std::int32_t piece) { return pieces[static_cast<std::size_t>(piece)].size(); };
  std::ranges::stable_sort(order, [&](std::int32_t a, std::int32_t b) { return size(a) > size(b); });

  const Index layers = model_.config().layers, hidden = model_.config().hidden;
  const DType type = model_.parameters().activations();
  const Index states = kernels::shape_of(*cell_of(model_.config().architecture)).states;  // beside h
  const std::size_t row_bytes = at(layers * hidden) * bytes_of(type);                     // of h
  const std::size_t all_bytes = at(1 + states) * row_bytes;
  if (state_.bytes() == 0) state_ = Buffer(model_.parameters().device(), kRows * all_bytes);
  for (std::size_t from = 0; from < order.size(); from += kRows) {
    const auto group = std::span(order).subspan(from, std::min<std::size_t>(kRows, order.size() - from));
    const auto rows = static_cast<Index>(group.size());
    fill_with(model_.parameters().device(), state_.data(), 0, state_.bytes());
    for (std::int64_t begin = 0; begin < size(group.front()); begin += kChunk) {
      shards_.infer(rows, [&](Tape& tape, Shards::Rows shard) {
        std::vector<io::Window> windows;
        for (const std::int32_t piece : group.subspan(at(shard.first), at(shard.count))) {
          const auto left = static_cast<std::int32_t>(std::min(kChunk, size(piece) - begin));
          windows.push_back(left > 0 ? io::Window{piece, left, left, begin} : finished(piece));
        }
        const std::int32_t steps = windows.front().targets;  // the shard's longest piece stands first
        if (steps == 0) return TargetLossViews{};
        const io::BatchMemory batch = io::make_batch(pieces, shape_, windows, io::WindowKind::every_step, steps);
        std::byte* const h = state_.data() + at(shard.first) * all_bytes;
        RecurrentState state{{h, {layers, shard.count, hidden}, type},
                             {h + at(shard.count) * row_bytes, {layers, shard.count, states * hidden}, type}};
        const ReadLosses result(tape.device(), model_.losses(tape, batch.view(), {0, shard.count}, &state));
        for (std::int64_t row = 0; row < shard.count; ++row) {
          const io::Window& window = windows[at(row)];
          take(result, row, window.targets, window.targets, begin, losses[static_cast<std::size_t>(window.piece)]);
        }
        return TargetLossViews{};
      });
    }
  }
}

void Scorer::read_windows(std::span<const EventsView> pieces, const ScoreOptions& options,
                          std::vector<PieceLosses>& losses) {
  const std::int64_t steps = model_.config().sequence;
  const std::int64_t stride = options.stride > 0 ? std::min(options.stride, steps) : default_stride(steps);
  const bool many_to_one = model_.many_to_one();
  std::vector<Reading> readings;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto piece = static_cast<std::int32_t>(i);
    if (many_to_one) {
      add_many_to_one(piece, pieces[i].size(), steps, options.every, readings);
    } else {
      add_overlapping(piece, pieces[i].size(), steps, stride, readings);
    }
  }
  const io::WindowKind kind = many_to_one ? io::WindowKind::many_to_one : io::WindowKind::every_step;
  for (std::size_t from = 0; from < readings.size(); from += kRows) {
    const auto group = std::span(readings).subspan(from, std::min<std::size_t>(kRows, readings.size() - from));
    shards_.infer(static_cast<Index>(group.size()), [&](Tape& tape, Shards::Rows shard) {
      const auto own = group.subspan(at(shard.first), at(shard.count));
      std::vector<io::Window> windows;
      for (const Reading& reading : own) windows.push_back(reading.window);
      const io::BatchMemory batch = io::make_batch(pieces, shape_, windows, kind, steps);
      const ReadLosses result(tape.device(), model_.losses(tape, batch.view(), {0, shard.count}));
      for (std::int64_t row = 0; row < shard.count; ++row) {
        const Reading& reading = own[at(row)];
        take(result, row, reading.window.targets, reading.count, reading.first,
             losses[static_cast<std::size_t>(reading.window.piece)]);
      }
      return TargetLossViews{};
    });
  }
}

double Evaluation::per_note(double nats_per_event) const {
  return notes == 0 ? 0 : nats_per_event * static_cast<double>(targets) / static_cast<double>(notes);
}

Evaluation evaluate(Scorer& scorer, const io::Dataset& dataset, io::Split split, io::Protocol protocol,
                    std::int64_t stride) {
  const std::vector<EventsView> pieces = dataset.all(split);
  const std::vector<PieceLosses> losses = scorer.score(pieces, {.stride = stride});
  Evaluation result;
  result.protocol = protocol;
  result.pieces = std::ssize(pieces);
  result.nats = mean(
      losses, protocol, [](const PieceLosses& piece) { return piece.total(); }, &result.targets);
  if (dataset.shape().has_durations()) {
    result.durations = mean(
        losses, protocol, [](const PieceLosses& piece) -> const auto& { return piece.durations; });
  }
  if (dataset.shape().kind == EventKind::tokens) {
    for (const EventsView& piece : pieces) result.notes += std::ssize(dataset.encoding().decode(piece).notes);
  }
  result.baselines = io::baselines(dataset.all(io::Split::train), pieces, dataset.shape(), protocol);
  return result;
}

std::string_view loss_unit(const EventShape& shape) {
  return shape.kind == EventKind::tokens ? "nats per token" : "nats per frame";
}

}  // namespace polonaise::tools

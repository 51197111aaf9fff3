#include "io/baselines/baselines.h"

#include <cmath>
#include <vector>

namespace polonaise::io {
namespace {

double nats_of(double probability) {
  return -std::log(probability);
}

// How often each of `outcomes` values followed each of `contexts`; add-1 smoothed.
class CategoricalTable {
 public:
  CategoricalTable(std::size_t contexts, std::size_t outcomes)
      : outcomes_(outcomes), counts_(contexts * outcomes), totals_(contexts) {}
  void count(std::size_t context, std::size_t outcome) {
    ++counts_[context * outcomes_ + outcome];
    ++totals_[context];
  }
  double share(std::size_t context, std::size_t outcome) const {
    return (counts_[context * outcomes_ + outcome] + 1.0) /
           (static_cast<double>(totals_[context]) + static_cast<double>(outcomes_));
  }
  double nats(std::size_t context, std::size_t outcome) const { return nats_of(share(context, outcome)); }

 private:
  std::size_t outcomes_;
  std::vector<std::uint32_t> counts_;
  std::vector<std::int64_t> totals_;
};

// Tables hold a dimension of vocabulary squared at most: 389 x 388 for perf.
void token_baselines(std::span<const EventsView> train, std::span<const EventsView> test, const EventShape& shape,
                     ProtocolMean& unigram, ProtocolMean& bigram) {
  const auto vocabulary = static_cast<std::size_t>(shape.vocabulary);
  CategoricalTable shares(1, vocabulary);
  CategoricalTable after(vocabulary + 1, vocabulary);
  for (const EventsView& piece : train) {
    std::size_t before = vocabulary;
    for (const std::uint16_t token : piece.tokens) {
      shares.count(0, token);
      after.count(before, token);
      before = token;
    }
  }
  for (const EventsView& piece : test) {
    std::vector<double> one;
    std::vector<double> two;
    std::size_t before = vocabulary;
    for (const std::uint16_t token : piece.tokens) {
      one.push_back(shares.nats(0, token));
      two.push_back(after.nats(before, token));
      before = token;
    }
    unigram.add(one);
    bigram.add(two);
  }
}

// Shares of frames with each key: in context 0 after a frame without it, in context 1 after one with it. With
// `remembers` off, context 0 is all there is.
class KeyTable {
 public:
  KeyTable(int keys, bool remembers) : keys_(static_cast<std::size_t>(keys)), remembers_(remembers) {
    before_.resize(keys_);
    for (int context = 0; context < 2; ++context) {
      with_[context].resize(keys_);
      frames_[context].resize(keys_);
    }
  }

  void begin_piece() { before_.assign(keys_, 0); }

  // A piece's first frame, which follows none, is no evidence of what follows silence: only remembered.
  void count(std::span<const std::uint8_t> frame, bool first) {
    each_key(frame, [&](std::size_t key, bool on) {
      if (first && remembers_) return;
      const int context = before_[key];
      ++frames_[context][key];
      with_[context][key] += on;
    });
  }

  double nats(std::span<const std::uint8_t> frame) {
    double sum = 0;
    each_key(frame, [&](std::size_t key, bool on) {
      const double with = share(before_[key], key);
      sum += nats_of(on ? with : 1 - with);
    });
    return sum;
  }

  double share(int context, std::size_t key) const {
    return (with_[context][key] + 1.0) / (frames_[context][key] + 2.0);
  }

 private:
  template <class Visit>
  void each_key(std::span<const std::uint8_t> frame, const Visit& visit) {
    auto next = frame.begin();
    for (std::size_t key = 0; key < keys_; ++key) {
      const bool on = next != frame.end() && *next == key;
      if (on) ++next;
      visit(key, on);
      if (remembers_) before_[key] = on;
    }
  }

  std::size_t keys_;
  bool remembers_;
  std::vector<std::uint8_t> before_;
  std::vector<std::uint32_t> with_[2];
  std::vector<std::uint32_t> frames_[2];
};

struct FrameModel {
  FrameModel(const EventShape& shape, bool remembers)
      : keys(shape.keys, remembers),
        lengths(static_cast<std::size_t>(remembers ? shape.duration_classes + 1 : 1),
                static_cast<std::size_t>(shape.duration_classes)),
        first(remembers ? static_cast<std::size_t>(shape.duration_classes) : 0),
        remembers_lengths(remembers) {}

  void fit(const EventsView& piece) {
    keys.begin_piece();
    std::size_t before = first;
    for (std::int64_t i = 0; i < piece.size(); ++i) {
      keys.count(piece.frame(i), i == 0);
      if (piece.classes.empty()) continue;
      const std::size_t length = piece.classes[static_cast<std::size_t>(i)];
      lengths.count(before, length);
      if (remembers_lengths) before = length;
    }
  }

  void score(const EventsView& piece, ProtocolMean& total, ProtocolMean& of_lengths) {
    keys.begin_piece();
    std::size_t before = first;
    std::vector<double> nats;
    std::vector<double> length_nats;
    for (std::int64_t i = 0; i < piece.size(); ++i) {
      nats.push_back(keys.nats(piece.frame(i)));
      if (piece.classes.empty()) continue;
      const std::size_t length = piece.classes[static_cast<std::size_t>(i)];
      length_nats.push_back(lengths.nats(before, length));
      nats.back() += length_nats.back();
      if (remembers_lengths) before = length;
    }
    total.add(nats);
    of_lengths.add(length_nats);
  }

  KeyTable keys;
  CategoricalTable lengths;
  std::size_t first;  // the context of a piece's first frame
  bool remembers_lengths;
};

}  // namespace

std::vector<float> unigram_logits(std::span<const EventsView> train, const EventShape& shape) {
  std::vector<float> logits;
  const auto add_log_shares = [&](const CategoricalTable& table, int outcomes) {
    for (int i = 0; i < outcomes; ++i)
      logits.push_back(static_cast<float>(std::log(table.share(0, static_cast<std::size_t>(i)))));
  };
  if (shape.kind == EventKind::tokens) {
    CategoricalTable shares(1, static_cast<std::size_t>(shape.vocabulary));
    for (const EventsView& piece : train)
      for (const std::uint16_t token : piece.tokens) shares.count(0, token);
    add_log_shares(shares, shape.vocabulary);
    return logits;
  }
  FrameModel model(shape, false);
  for (const EventsView& piece : train) model.fit(piece);
  for (int key = 0; key < shape.keys; ++key) {
    const double share = model.keys.share(0, static_cast<std::size_t>(key));
    logits.push_back(static_cast<float>(std::log(share / (1 - share))));
  }
  add_log_shares(model.lengths, shape.duration_classes);
  return logits;
}

Baselines baselines(std::span<const EventsView> train, std::span<const EventsView> test, const EventShape& shape,
                    Protocol protocol) {
  ProtocolMean unigram(protocol);
  ProtocolMean bigram(protocol);
  ProtocolMean unigram_lengths(protocol);
  ProtocolMean bigram_lengths(protocol);
  if (shape.kind == EventKind::tokens) {
    token_baselines(train, test, shape, unigram, bigram);
  } else {
    FrameModel one(shape, false);
    FrameModel two(shape, true);
    for (const EventsView& piece : train) {
      one.fit(piece);
      two.fit(piece);
    }
    for (const EventsView& piece : test) {
      one.score(piece, unigram, unigram_lengths);
      two.score(piece, bigram, bigram_lengths);
    }
  }
  Baselines result{unigram.value(), bigram.value(), 0, 0, unigram.targets()};
  if (shape.has_durations()) {
    result.unigram_durations = unigram_lengths.value();
    result.bigram_durations = bigram_lengths.value();
  }
  return result;
}

}  // namespace polonaise::io

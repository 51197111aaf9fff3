#include "io/midi/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "io/files/error.h"
#include "io/midi/tempo_map.h"

namespace polonaise::io {
namespace {

constexpr std::int64_t kMostBars = 10000;
constexpr std::size_t kMostShapes = 2'000'000;
constexpr int kTrackColours = 8;
constexpr double kLane = 5;   // height of a semitone
constexpr double kLeft = 36;  // key names
constexpr double kRight = 12;
constexpr double kHeader = 30;  // title and legend
constexpr double kAbove = 16;   // bar numbers
constexpr double kBelow = 26;   // times, and the gap to the next row
constexpr double kPale = 0.45;  // of an opening's notes, as in the report of polonaise-compare

// Rules without CSS variables, which viewers outside browsers do not know.
constexpr std::string_view kStyle = R"(<style>
.polonaise-roll{font:11px system-ui,sans-serif}
.polonaise-roll text{fill:#4b5058} .polonaise-roll .title{font-size:14px;font-weight:600}
.polonaise-roll .key{text-anchor:end}
.polonaise-roll .paper{fill:#fff} .polonaise-roll .lane{fill:#f3f4f6}
.polonaise-roll .beat{stroke:#e2e4e8;fill:none} .polonaise-roll .bar{stroke:#b4b8c0;fill:none}
.polonaise-roll .c0{fill:#1f6fb8} .polonaise-roll .c1{fill:#c2571a} .polonaise-roll .c2{fill:#2b8a3e}
.polonaise-roll .c3{fill:#9c36b5} .polonaise-roll .c4{fill:#b58105} .polonaise-roll .c5{fill:#c2255c}
.polonaise-roll .c6{fill:#0b8a8a} .polonaise-roll .c7{fill:#5f5bd0}
@media (prefers-color-scheme:dark){
.polonaise-roll text{fill:#b6bcc6}
.polonaise-roll .paper{fill:#16181c} .polonaise-roll .lane{fill:#1e2126}
.polonaise-roll .beat{stroke:#2a2e35} .polonaise-roll .bar{stroke:#4a505a}
.polonaise-roll .c0{fill:#5aa9ee} .polonaise-roll .c1{fill:#f0935a} .polonaise-roll .c2{fill:#69c97d}
.polonaise-roll .c3{fill:#d58be8} .polonaise-roll .c4{fill:#e6b94a} .polonaise-roll .c5{fill:#f277a2}
.polonaise-roll .c6{fill:#4cc9c9} .polonaise-roll .c7{fill:#a09cf5}
}
</style>
)";

struct Bar {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t beat = 0;  // ticks
  std::int64_t number = 1;
};

// Bars from tick 0 until `end`, cut to those asked for.
std::vector<Bar> bars_of(const Score& score, std::int64_t end, const PianoRollOptions& options) {
  std::vector<Bar> bars;
  auto next = score.time_signatures.begin();
  TimeSignature meter;
  std::int64_t number = 1;
  for (std::int64_t tick = 0; tick < end && number <= options.last_bar; ++number) {
    while (next != score.time_signatures.end() && next->tick <= tick) meter = *next++;
    const std::int64_t beat = std::max<std::int64_t>(4 * score.ticks_per_quarter / meter.denominator, 1);
    std::int64_t bar_end = tick + beat * meter.numerator;
    if (next != score.time_signatures.end()) bar_end = std::min(bar_end, next->tick);
    if (number >= options.first_bar) {
      if (static_cast<std::int64_t>(bars.size()) == kMostBars) {
        throw Error(fmt::format("the piece has more than {} bars to draw; choose fewer.", kMostBars));
      }
      bars.push_back({tick, bar_end, beat, number});
    }
    tick = bar_end;
  }
  return bars;
}

// Text as XML may hold it: markup escaped, control characters and bytes that are not UTF-8 replaced.
std::string escape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : (lead & 0xf0) == 0xe0 ? 3 : 0;
    bool valid = length > 0 && i + length <= text.size() && lead >= 0x20 && lead != 0x7f;
    for (std::size_t j = 1; valid && j < length; ++j) valid = (static_cast<unsigned char>(text[i + j]) & 0xc0) == 0x80;
    if (!valid) {
      out += "\xef\xbf\xbd";
      ++i;
      continue;
    }
    if (lead == '&') {
      out += "&amp;";
    } else if (lead == '<') {
      out += "&lt;";
    } else if (lead == '>') {
      out += "&gt;";
    } else {
      out += text.substr(i, length);
    }
    i += length;
  }
  return out;
}

// A length in pixels, to a tenth.
double px(double value) {
  return std::round(value * 10) / 10;
}

bool is_black(int pitch) {
  constexpr int kBlack = 0b010101001010;  // C# D# F# G# A#
  return (kBlack >> (pitch % 12) & 1) != 0;
}

std::string clock(double seconds) {
  const auto total = static_cast<std::int64_t>(seconds);
  return fmt::format("{}:{:02}", total / 60, total % 60);
}

class Roll {
 public:
  Roll(const Score& score, const PianoRollOptions& options)
      : score_(score), options_(options), tempo_(score), scale_(options.pixels_per_quarter) {
    std::int64_t end = 0;
    for (const Note& note : score.notes) {
      if (note.channel == kPercussionChannel) continue;
      notes_.push_back(&note);
      end = std::max({end, note.end(), note.onset + 1});
      low_ = std::min<int>(low_, note.pitch);
      high_ = std::max<int>(high_, note.pitch);
    }
    low_ = notes_.empty() ? 60 : low_ - low_ % 12;
    high_ = notes_.empty() ? 72 : std::min(high_ - high_ % 12 + 12, 127);
    lay_out(bars_of(score, end, options));
  }

  std::string draw() {
    const double width = kLeft + widest_ + kRight;
    const double height = kHeader + row_height() * static_cast<double>(std::max<std::size_t>(rows_.size(), 1));
    out_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"polonaise-roll\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
        "height=\"{1}\" role=\"img\" aria-label=\"piano roll\">\n",
        px(width), px(height));
    out_ += kStyle;
    out_ += "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n";
    header(width);
    for (std::size_t i = 0; i < rows_.size(); ++i) row(rows_[i], kHeader + row_height() * static_cast<double>(i));
    return out_ + "</svg>\n";
  }

 private:
  struct Row {
    std::vector<Bar> bars;
    std::vector<const Note*> notes;  // that sound in it
    std::int64_t begin() const { return bars.front().begin; }
    std::int64_t end() const { return bars.back().end; }
  };

  double x(std::int64_t ticks) const {
    return static_cast<double>(ticks) / static_cast<double>(score_.ticks_per_quarter) * scale_;
  }
  double lanes_height() const { return kLane * (high_ - low_ + 1); }
  double row_height() const { return kAbove + lanes_height() + kBelow; }

  // Bars fill a row until the next would not fit; notes go to each row they sound in.
  void lay_out(const std::vector<Bar>& bars) {
    for (const Bar& bar : bars) {
      if (rows_.empty() || x(bar.end - rows_.back().begin()) > options_.width) rows_.emplace_back();
      rows_.back().bars.push_back(bar);
    }
    for (const Row& row : rows_) widest_ = std::max(widest_, x(row.end() - row.begin()));
    std::size_t shapes = 0;
    for (const Note* note : notes_) {
      const auto first = std::ranges::partition_point(rows_, [&](const Row& r) { return r.end() <= note->onset; });
      for (auto r = first; r != rows_.end() && r->begin() < std::max(note->end(), note->onset + 1); ++r) {
        r->notes.push_back(note);
        if (++shapes == kMostShapes) throw Error("the piece has too many notes to draw; choose fewer bars.");
      }
    }
  }

  void header(double width) {
    out_ += fmt::format("<text class=\"title\" x=\"{}\" y=\"19\">{}</text>\n", kLeft,
                        escape(notes_.empty() ? options_.title + " (no notes)" : options_.title));
    std::vector<int> tracks;
    for (const Note* note : notes_) tracks.push_back(note->track);
    std::ranges::sort(tracks);
    tracks.erase(std::unique(tracks.begin(), tracks.end()), tracks.end());
    if (tracks.size() < 2) return;
    double right = width - kRight;
    for (std::size_t i = std::min<std::size_t>(tracks.size(), kTrackColours); i-- > 0;) {
      right -= 58;
      out_ += fmt::format(
          "<rect class=\"c{}\" x=\"{}\" y=\"10\" width=\"9\" height=\"9\" rx=\"2\"/><text x=\"{}\" y=\"18\">track "
          "{}</text>\n",
          tracks[i] % kTrackColours, px(right), px(right + 13), tracks[i] + 1);
    }
  }

  void row(const Row& row, double top) {
    const double lanes_top = top + kAbove;
    const double width = x(row.end() - row.begin());
    for (int pitch = low_; pitch <= high_; ++pitch) {
      const double y = lanes_top + kLane * (high_ - pitch);
      if (is_black(pitch)) {
        out_ += fmt::format("<rect class=\"lane\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>\n", kLeft, px(y),
                            px(width), kLane);
      }
      if (pitch % 12 == 0) {
        out_ +=
            fmt::format("<text class=\"key\" x=\"{}\" y=\"{}\">C{}</text>\n", kLeft - 5, px(y + kLane), pitch / 12 - 1);
      }
    }
    grid(row, lanes_top);
    notes(row, lanes_top);
  }

  // Lines at beats, bars and C's in one path each; the numbers of bars, as many as there is room for, and their times.
  void grid(const Row& row, double top) {
    constexpr double kRoomForNumber = 44;
    const double bottom = top + lanes_height();
    const double right = kLeft + x(row.end() - row.begin());
    std::string beats, lines, labels;
    for (int pitch = low_; pitch <= high_; pitch += 12) {
      beats += fmt::format("M{} {}H{}", kLeft, px(top + kLane * (high_ - pitch + 1)), px(right));
    }
    double labelled = -kRoomForNumber;
    for (const Bar& bar : row.bars) {
      const double left = kLeft + x(bar.begin - row.begin());
      lines += fmt::format("M{} {}V{}", px(left), px(top), px(bottom));
      for (std::int64_t tick = bar.begin + bar.beat; x(bar.beat) >= 8 && tick < bar.end; tick += bar.beat) {
        beats += fmt::format("M{} {}V{}", px(kLeft + x(tick - row.begin())), px(top), px(bottom));
      }
      if (left - labelled < kRoomForNumber) continue;
      labelled = left;
      labels += fmt::format("<text x=\"{}\" y=\"{}\">{}</text><text x=\"{}\" y=\"{}\">{}</text>\n", px(left),
                            px(top - 4), bar.number, px(left), px(bottom + 12), clock(tempo_.seconds(bar.begin)));
    }
    lines += fmt::format("M{} {}V{}", px(right), px(top), px(bottom));
    out_ += fmt::format("<path class=\"beat\" d=\"{}\"/>\n<path class=\"bar\" d=\"{}\"/>\n{}", beats, lines, labels);
  }

  void notes(const Row& row, double top) {
    for (const Note* note : row.notes) {
      const std::int64_t begin = std::max(note->onset, row.begin());
      const std::int64_t end = std::min(std::max(note->end(), note->onset + 1), row.end());
      // A sliver of paper stays between a note and its repetition.
      const double width = std::max(x(end - begin) - 0.6, 1.0);
      const double paleness = note->onset < score_.continuation.value_or(0) ? kPale : 1;
      out_ += fmt::format(
          "<rect class=\"c{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"1.5\" fill-opacity=\"{:.2f}\"/>\n",
          note->track % kTrackColours, px(kLeft + x(begin - row.begin())),
          px(top + kLane * (high_ - note->pitch) + 0.4), px(width), kLane - 0.8,
          paleness * (0.35 + 0.65 * note->velocity / 127));
    }
  }

  const Score& score_;
  const PianoRollOptions& options_;
  TempoMap tempo_;
  double scale_;
  std::vector<const Note*> notes_;
  std::vector<Row> rows_;
  int low_ = 127;
  int high_ = 0;
  double widest_ = 320;
  std::string out_;
};

}  // namespace

std::string piano_roll_svg(const Score& score, const PianoRollOptions& options) {
  return Roll(score, options).draw();
}

}  // namespace polonaise::io

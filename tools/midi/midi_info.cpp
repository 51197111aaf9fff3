#include "tools/midi/midi_info.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "io/midi/meter.h"
#include "io/midi/midi.h"
#include "io/midi/notes.h"
#include "io/midi/tempo_map.h"
#include "tools/cli/table.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

struct TrackInfo {
  std::string name;
  std::size_t events = 0;
  std::int64_t notes = 0;
  std::set<int> programs;
};

struct Info {
  io::MidiFile midi;
  io::Score score;
  io::Warnings warnings;
  std::vector<TrackInfo> tracks;
  std::int64_t percussion = 0;
  std::int64_t ticks = 0;
  double seconds = 0;
  int low_pitch = 127, high_pitch = 0, low_velocity = 127, high_velocity = 0;
};

// Texts of MIDI files are Latin-1 where they are not UTF-8.
std::string utf8(std::span<const std::uint8_t> bytes) {
  std::string text(bytes.begin(), bytes.end());
  try {
    (void)nlohmann::json(text).dump();
    return text;
  } catch (const nlohmann::json::type_error&) {
    std::string out;
    for (const std::uint8_t byte : bytes) {
      if (byte >= 0x80) out += static_cast<char>(0xc0 | (byte >> 6));
      out += static_cast<char>(byte < 0x80 ? byte : 0x80 | (byte & 0x3f));
    }
    return out;
  }
}

Info read_info(const std::filesystem::path& file, bool strict) {
  Info info;
  info.midi = io::read_midi(file, info.warnings, strict);
  info.score = io::read_score(info.midi, info.warnings);
  for (const io::MidiTrack& track : info.midi.tracks) {
    TrackInfo& about = info.tracks.emplace_back();
    about.events = track.events.size();
    for (const io::MidiEvent& event : track.events) {
      if (event.is_meta(io::meta::kTitle) && about.name.empty()) about.name = utf8(info.midi.payload(event));
    }
  }
  for (const io::Note& note : info.score.notes) {
    if (note.track < info.tracks.size()) {
      ++info.tracks[note.track].notes;
      if (note.channel != io::kPercussionChannel) info.tracks[note.track].programs.insert(note.program);
    }
    if (note.channel == io::kPercussionChannel) ++info.percussion;
    info.ticks = std::max(info.ticks, note.end());
    info.low_pitch = std::min<int>(info.low_pitch, note.pitch);
    info.high_pitch = std::max<int>(info.high_pitch, note.pitch);
    info.low_velocity = std::min<int>(info.low_velocity, note.velocity);
    info.high_velocity = std::max<int>(info.high_velocity, note.velocity);
  }
  info.seconds = io::TempoMap(info.score).seconds(info.ticks);
  return info;
}

bool is_smpte(const io::MidiFile& midi) {
  return (midi.division & 0x8000) != 0;
}
int frames_per_second(const io::MidiFile& midi) {
  return -static_cast<std::int8_t>(midi.division >> 8);
}
int ticks_per_frame(const io::MidiFile& midi) {
  return midi.division & 0xff;
}

double quarters_per_minute(const io::Tempo& tempo) {
  return 60e6 / tempo.microseconds_per_quarter;
}

std::string pitch_name(int pitch) {
  constexpr std::array<std::string_view, 12> kNames = {"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"};
  return fmt::format("{}{}", kNames[static_cast<std::size_t>(pitch % 12)], pitch / 12 - 1);
}

std::string as_json(const std::filesystem::path& file, const Info& info) {
  using nlohmann::ordered_json;
  ordered_json out;
  out["file"] = file.string();
  out["format"] = info.midi.format;
  if (is_smpte(info.midi)) {
    out["frames_per_second"] = frames_per_second(info.midi);
    out["ticks_per_frame"] = ticks_per_frame(info.midi);
  } else {
    out["ticks_per_quarter"] = info.midi.division;
  }
  out["duration_ticks"] = info.ticks;
  out["duration_seconds"] = info.seconds;
  out["notes"] = info.score.notes.size();
  out["percussion_notes"] = info.percussion;
  if (!info.score.notes.empty()) {
    out["lowest_pitch"] = info.low_pitch;
    out["highest_pitch"] = info.high_pitch;
    out["lowest_velocity"] = info.low_velocity;
    out["highest_velocity"] = info.high_velocity;
  }
  out["tracks"] = ordered_json::array();
  for (const TrackInfo& track : info.tracks) {
    out["tracks"].push_back(
        {{"name", track.name}, {"events", track.events}, {"notes", track.notes}, {"programs", track.programs}});
  }
  out["tempos"] = ordered_json::array();
  for (const io::Tempo& tempo : info.score.tempos) {
    out["tempos"].push_back({{"tick", tempo.tick}, {"quarters_per_minute", quarters_per_minute(tempo)}});
  }
  out["time_signatures"] = ordered_json::array();
  for (const io::TimeSignature& meter : info.score.time_signatures) {
    out["time_signatures"].push_back(
        {{"tick", meter.tick}, {"numerator", meter.numerator}, {"denominator", meter.denominator}});
  }
  out["pedal_changes"] = info.score.pedals.size();
  if (info.score.continuation) out["continuation_tick"] = *info.score.continuation;
  out["warnings"] = ordered_json::array();
  for (const io::Warnings::Entry& entry : info.warnings.entries()) {
    out["warnings"].push_back({{"kind", entry.kind}, {"count", entry.count}});
  }
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

// "120", or "60 to 140 (12 changes)".
std::string tempo_line(const std::vector<io::Tempo>& tempos) {
  if (tempos.empty()) return "none given: 120 quarters a minute";
  const auto [slowest, fastest] =
      std::ranges::minmax_element(tempos, std::ranges::greater{}, &io::Tempo::microseconds_per_quarter);
  const std::string first = fmt::format("{:.4g}", quarters_per_minute(*slowest));
  const std::string last = fmt::format("{:.4g}", quarters_per_minute(*fastest));
  if (tempos.size() == 1) return first + " quarters a minute";
  return fmt::format("{} to {} quarters a minute ({} tempos)", first, last, format_count(std::ssize(tempos)));
}

std::string meter_line(const std::vector<io::TimeSignature>& meters) {
  if (meters.empty()) return "none given: 4/4";
  constexpr std::size_t kShown = 6;
  std::vector<std::string> shown;
  for (const io::TimeSignature& meter : meters) {
    const std::string text = fmt::format("{}/{}", meter.numerator, meter.denominator);
    if (std::ranges::find(shown, text) == shown.end()) shown.push_back(text);
  }
  const std::string more = shown.size() > kShown ? ", ..." : "";
  shown.resize(std::min(shown.size(), kShown));
  return fmt::format("{}{}{}", fmt::join(shown, ", "), more,
                     meters.size() == 1 ? "" : fmt::format(" ({} signatures)", meters.size()));
}

std::string as_text(const std::filesystem::path& file, const Info& info) {
  Table facts({{"", Table::Align::left}, {"", Table::Align::left}});
  facts.row({"file", file.string()});
  facts.row({"format", fmt::format("{}, {} tracks", info.midi.format, info.midi.tracks.size())});
  facts.row({"division", is_smpte(info.midi) ? fmt::format("{} frames a second, {} ticks a frame",
                                                           frames_per_second(info.midi), ticks_per_frame(info.midi))
                                             : fmt::format("{} ticks a quarter", info.midi.division)});
  facts.row({"duration", fmt::format("{} ticks, {}", format_count(info.ticks), format_duration(info.seconds))});
  facts.row({"notes", format_count(std::ssize(info.score.notes)) +
                          (info.percussion ? fmt::format(" ({} percussion)", format_count(info.percussion)) : "")});
  if (!info.score.notes.empty()) {
    facts.row({"pitches", fmt::format("{} ({}) to {} ({})", info.low_pitch, pitch_name(info.low_pitch), info.high_pitch,
                                      pitch_name(info.high_pitch))});
    facts.row({"velocities", fmt::format("{} to {}", info.low_velocity, info.high_velocity)});
  }
  facts.row({"tempo", tempo_line(info.score.tempos)});
  facts.row({"meter", meter_line(info.score.time_signatures)});
  facts.row({"pedal", fmt::format("{} changes", format_count(std::ssize(info.score.pedals)))});
  if (info.score.continuation) {
    const std::int64_t tick = *info.score.continuation;
    facts.row(
        {"drawn", fmt::format("from tick {}, bar {}, {} on", format_count(tick), io::Meter(info.score).bar(tick) + 1,
                              format_duration(io::TempoMap(info.score).seconds(tick)))});
  }
  std::string out = facts.text();

  Table tracks({{"track"}, {"events"}, {"notes"}, {"programs", Table::Align::left}, {"name", Table::Align::left}});
  for (std::size_t i = 0; i < info.tracks.size(); ++i) {
    const TrackInfo& track = info.tracks[i];
    tracks.row({std::to_string(i + 1), format_count(static_cast<std::int64_t>(track.events)), format_count(track.notes),
                fmt::format("{}", fmt::join(track.programs, ",")), track.name});
  }
  out += fmt::format("\n{}", tracks.text());
  if (!info.warnings.empty()) {
    Table warnings({{"warnings", Table::Align::left}, {"count"}});
    for (const io::Warnings::Entry& entry : info.warnings.entries()) {
      warnings.row({entry.kind, format_count(entry.count)});
    }
    out += fmt::format("\n{}", warnings.text());
  }
  return out;
}

}  // namespace

std::string midi_info(const std::filesystem::path& file, bool json, bool strict) {
  const Info info = read_info(file, strict);
  return json ? as_json(file, info) : as_text(file, info);
}

}  // namespace polonaise::tools

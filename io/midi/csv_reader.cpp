#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "io/files/error.h"
#include "io/midi/csv.h"
#include "io/midi/csv_fields.h"

namespace polonaise::io {
namespace {

enum class Form : std::uint8_t {
  header,
  start_track,
  end_of_file,
  channel,       // a channel, then data bytes
  pitch_bend,    // a channel, then 14 bits
  data,          // a length, then so many bytes: system exclusive
  meta_data,     // the same in a meta event
  unknown_meta,  // the same after its type
  meta_text,
  meta_number,  // one number, big-endian in the type's fixed length
  meta_bytes,   // numbers of a byte each
  meta_key,     // signed byte, "major" or "minor"
};

struct Field {
  std::string_view name;
  std::int64_t low;
  std::int64_t high;
};

constexpr Field kHeader[] = {{"format", 0, 2}, {"number of tracks", 0, 65535}, {"division", -32768, 65535}};
constexpr Field kNote[] = {{"channel", 0, 15}, {"note number", 0, 127}, {"value", 0, 127}};
constexpr Field kControl[] = {{"channel", 0, 15}, {"controller", 0, 127}, {"value", 0, 127}};
constexpr Field kValue[] = {{"channel", 0, 15}, {"value", 0, 127}};
constexpr Field kBend[] = {{"channel", 0, 15}, {"value", 0, 16383}};
constexpr Field kType[] = {{"type", 0, 255}};
constexpr Field kSequence[] = {{"sequence number", 0, 65535}};
constexpr Field kByte[] = {{"number", 0, 255}};
constexpr Field kTempo[] = {{"tempo", 0, (1 << 24) - 1}};
constexpr Field kSmpte[] = {
    {"hour", 0, 255}, {"minute", 0, 255}, {"second", 0, 255}, {"frame", 0, 255}, {"frame fraction", 0, 255}};
constexpr Field kMeter[] = {
    {"numerator", 0, 255}, {"denominator", 0, 255}, {"click", 0, 255}, {"32nds per quarter", 0, 255}};
constexpr Field kKey[] = {{"key", -7, 7}};

struct Record {
  std::string_view name;
  Form form;
  std::uint8_t code = 0;  // status or type of meta event
  std::span<const Field> fields{};
};

constexpr Record kRecords[] = {
    {"Note_on_c", Form::channel, midi::kNoteOn, kNote},
    {"Note_off_c", Form::channel, midi::kNoteOff, kNote},
    {"Pitch_bend_c", Form::pitch_bend, midi::kPitchBend, kBend},
    {"Control_c", Form::channel, midi::kControlChange, kControl},
    {"Program_c", Form::channel, midi::kProgramChange, kValue},
    {"Poly_aftertouch_c", Form::channel, midi::kPolyAftertouch, kNote},
    {"Channel_aftertouch_c", Form::channel, midi::kChannelAftertouch, kValue},
    {"System_exclusive", Form::data, midi::kSystemExclusive},
    {"System_exclusive_packet", Form::data, midi::kSystemExclusivePacket},
    {"System_exclusive_F7", Form::data, midi::kSystemExclusivePacket},
    {"Sequence_number", Form::meta_number, meta::kSequenceNumber, kSequence},
    {"Text_t", Form::meta_text, meta::kText},
    {"Copyright_t", Form::meta_text, meta::kCopyright},
    {"Title_t", Form::meta_text, meta::kTitle},
    {"Instrument_name_t", Form::meta_text, meta::kInstrumentName},
    {"Lyric_t", Form::meta_text, meta::kLyric},
    {"Marker_t", Form::meta_text, meta::kMarker},
    {"Cue_point_t", Form::meta_text, meta::kCuePoint},
    {"Program_name_t", Form::meta_text, meta::kProgramName},
    {"Device_name_t", Form::meta_text, meta::kDeviceName},
    {"Channel_prefix", Form::meta_number, meta::kChannelPrefix, kByte},
    {"MIDI_port", Form::meta_number, meta::kPort, kByte},
    {"Loop_track", Form::meta_bytes, meta::kLoopTrack},
    {"End_track", Form::meta_bytes, meta::kEndOfTrack},
    {"Tempo", Form::meta_number, meta::kTempo, kTempo},
    {"SMPTE_offset", Form::meta_bytes, meta::kSmpteOffset, kSmpte},
    {"Time_signature", Form::meta_bytes, meta::kTimeSignature, kMeter},
    {"Key_signature", Form::meta_key, meta::kKeySignature, kKey},
    {"Sequencer_specific", Form::meta_data, meta::kSequencerSpecific},
    {"Unknown_meta_event", Form::unknown_meta, 0, kType},
    {"Header", Form::header, 0, kHeader},
    {"Start_track", Form::start_track},
    {"End_of_file", Form::end_of_file},
};

const Record* find_record(std::string_view name) {
  const auto found = std::find_if(std::begin(kRecords), std::end(kRecords),
                                  [&](const Record& record) { return equal_in_any_case(record.name, name); });
  return found == std::end(kRecords) ? nullptr : found;
}

// py_midicsv writes a length and its bytes in hexadecimal, two digits or more each; midicsv in plain decimal. The
// number of fields tells which: no length is the same in both, save for one digit, which only hexadecimal pads.
bool is_hexadecimal(std::span<const std::string> length_and_data) {
  const auto two_digits = [](std::string_view field) {
    return field.size() >= 2 && field.find_first_not_of("0123456789ABCDEFabcdef") == std::string_view::npos;
  };
  return std::all_of(length_and_data.begin(), length_and_data.end(), two_digits) && !length_and_data.empty() &&
         csv_number(length_and_data[0], 16) == static_cast<std::int64_t>(length_and_data.size()) - 1;
}

class CsvReader {
 public:
  CsvReader(std::string_view name, bool strict) : name_(name), strict_(strict) {}

  CsvImport run(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
    while (!text.empty()) {
      const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
      ++line_;
      read(text.substr(0, end));
      const bool pair =
          end + 1 < text.size() && text[end] != text[end + 1] && (text[end + 1] == '\r' || text[end + 1] == '\n');
      text.remove_prefix(std::min(end + (pair ? 2 : 1), text.size()));
    }
    if (!header_seen_) throw Error(fmt::format("{}: has no Header line; give MIDI as midicsv writes it.", name_));
    if (!end_seen_) find("the End_of_file line is missing");
    MidiFile& file = import_.midi;
    if (file.declared_tracks != file.tracks.size()) {
      find(fmt::format("the header counts {} tracks where {} are whole", file.declared_tracks, file.tracks.size()));
      file.declared_tracks = static_cast<std::uint16_t>(std::min<std::size_t>(file.tracks.size(), 65535));
    }
    return std::move(import_);
  }

 private:
  void find(std::string text) {
    if (strict_) throw Error(fmt::format("Line {} of {}: {}; correct it or read it leniently.", line_, name_, text));
    import_.findings.push_back({line_, std::move(text)});
  }

  std::int64_t clamp(std::int64_t value, std::size_t number, std::string_view what, std::int64_t low,
                     std::int64_t high) {
    if (value < low || value > high) {
      find(fmt::format("field {} ({}) is {}, outside {} to {}", number, what, value, low, high));
    }
    return std::clamp(value, low, high);
  }

  void read(std::string_view line) {
    while (!line.empty() && is_csv_space(line.back())) line.remove_suffix(1);
    const auto first = std::find_if_not(line.begin(), line.end(), is_csv_space);
    if (first == line.end() || *first == '#' || *first == ';') return;
    fields_ = split_csv_line(line);
    if (fields_.size() < 3) {
      return find(fmt::format("field {} ({}) is missing", fields_.size() + 1, fields_.size() == 1 ? "time" : "type"));
    }
    const std::int64_t track = clamp(csv_number(fields_[0]).value_or(0), 1, "track", 0, 65535);
    tick_ = clamp(csv_number(fields_[1]).value_or(0), 2, "time", 0, std::numeric_limits<std::int32_t>::max());
    const Record* record = find_record(fields_[2]);
    if (record == nullptr) return find(fmt::format("\"{}\" is not a type of record", fields_[2]));

    if (record->form == Form::header) return read_header(*record);
    if (record->form == Form::start_track) {
      if (track_ != 0) return find("a track starts within another");
      track_ = track;
      building_ = {};
      return;
    }
    if (record->form == Form::end_of_file) {
      end_seen_ = true;
      if (track_ != 0) find("the last track lacks its End_track and is dropped");
      return;
    }
    if (track_ == 0) return find("the event stands outside a track");
    if (track != track_) return find("the event's track is not the current one");
    const bool late = !building_.events.empty() && tick_ < building_.events.back().tick;
    if (late) return find("the event is before the previous one");
    read_event(*record);
  }

  void read_header(const Record& record) {
    if (header_seen_) return find("the header stands here a second time");
    const auto values = numbers(record);
    if (!values) return;
    import_.midi.format = static_cast<std::uint16_t>((*values)[0]);
    import_.midi.declared_tracks = static_cast<std::uint16_t>((*values)[1]);
    import_.midi.division = static_cast<std::uint16_t>((*values)[2]);
    header_seen_ = true;
  }

  void read_event(const Record& record) {
    MidiFile& file = import_.midi;
    if (record.form == Form::data || record.form == Form::meta_data) {
      const auto bytes = data(3, is_hexadecimal(std::span(fields_).subspan(3)) ? 16 : 10);
      if (!bytes) return;
      if (record.form == Form::meta_data) return file.add_meta(building_, tick_, record.code, *bytes);
      return file.add_system_exclusive(building_, tick_, record.code, *bytes);
    }
    if (record.form == Form::meta_text) {
      if (fields_.size() < 4) find("field 4 (text) is missing");
      const std::string_view text = fields_.size() < 4 ? std::string_view() : fields_[3];
      return file.add_meta(building_, tick_, record.code,
                           {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    }
    const auto values = numbers(record);
    if (!values) return;
    const auto octet = [&](std::size_t index) { return static_cast<std::uint8_t>((*values)[index]); };
    switch (record.form) {
      case Form::channel:
        building_.add_channel(tick_, record.code | octet(0), octet(1), record.fields.size() == 3 ? octet(2) : 0);
        break;
      case Form::pitch_bend:
        building_.add_channel(tick_, record.code | octet(0), octet(1) & 0x7F,
                              static_cast<std::uint8_t>((*values)[1] >> 7));
        break;
      case Form::unknown_meta:
        if (const auto bytes = data(4, 10)) file.add_meta(building_, tick_, octet(0), *bytes);
        break;
      case Form::meta_number: {
        std::vector<std::uint8_t> bytes(meta::fixed_length(record.code));
        for (std::size_t index = 0; index < bytes.size(); ++index) {
          bytes[index] = static_cast<std::uint8_t>((*values)[0] >> 8 * (bytes.size() - 1 - index));
        }
        file.add_meta(building_, tick_, record.code, bytes);
        break;
      }
      case Form::meta_key:
        file.add_meta(building_, tick_, record.code, std::array{octet(0), mode()});
        break;
      default:
        read_bytes(record, *values);
    }
  }

  void read_bytes(const Record& record, const std::array<std::int64_t, 5>& values) {
    std::array<std::uint8_t, 5> bytes{};
    std::copy(values.begin(), values.end(), bytes.begin());
    import_.midi.add_meta(building_, tick_, record.code, std::span(bytes).first(record.fields.size()));
    if (record.code == meta::kEndOfTrack) {
      import_.midi.tracks.push_back(std::move(building_));
      building_ = {};
      track_ = 0;
    }
  }

  std::uint8_t mode() {
    const std::string_view mode = fields_.size() < 5 ? std::string_view() : fields_[4];
    if (equal_in_any_case(mode, "minor")) return 1;
    if (!equal_in_any_case(mode, "major")) find(fmt::format("field 5 (mode) is \"{}\", not major or minor", mode));
    return 0;
  }

  std::optional<std::int64_t> number(std::size_t index, int base = 10) {
    if (index >= fields_.size()) {
      find(fmt::format("field {} is missing", index + 1));
      return std::nullopt;
    }
    const auto value = csv_number(fields_[index], base);
    if (!value) find(fmt::format("field {} is \"{}\", not a number", index + 1, fields_[index]));
    return value;
  }

  // The record's numbers, clamped; nothing where one is missing.
  std::optional<std::array<std::int64_t, 5>> numbers(const Record& record) {
    std::array<std::int64_t, 5> values{};
    for (std::size_t index = 0; index < record.fields.size(); ++index) {
      const auto value = number(index + 3);
      if (!value) return std::nullopt;
      values[index] = *value;
    }
    for (std::size_t index = 0; index < record.fields.size(); ++index) {
      const Field& field = record.fields[index];
      values[index] = clamp(values[index], index + 4, field.name, field.low, field.high);
    }
    return values;
  }

  // The length at fields_[at] and as many bytes after it.
  std::optional<std::vector<std::uint8_t>> data(std::size_t at, int base) {
    auto length = number(at, base);
    if (!length) return std::nullopt;
    length = clamp(*length, at + 1, "length", 0, midi::kMaxVariableLength);
    std::vector<std::int64_t> values;
    for (std::size_t index = at + 1; index <= at + static_cast<std::size_t>(*length); ++index) {
      const auto value = number(index, base);
      if (!value) return std::nullopt;
      values.push_back(*value);
    }
    std::vector<std::uint8_t> bytes;
    for (std::size_t index = 0; index < values.size(); ++index) {
      bytes.push_back(static_cast<std::uint8_t>(clamp(values[index], at + 2 + index, "data byte", 0, 255)));
    }
    return bytes;
  }

  std::string_view name_;
  bool strict_;
  CsvImport import_;
  std::vector<std::string> fields_;  // of the line
  std::int64_t tick_ = 0;            // of the line
  int line_ = 0;
  std::int64_t track_ = 0;  // that is open; 0 none
  MidiTrack building_;
  bool header_seen_ = false;
  bool end_seen_ = false;
};

}  // namespace

CsvImport read_csv(std::string_view text, std::string_view name, bool strict) {
  return CsvReader(name, strict).run(text);
}

}  // namespace polonaise::io

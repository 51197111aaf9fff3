#include "io/midi/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <span>

namespace polonaise::io {
namespace {

std::string_view text_name(std::uint8_t type) {
  switch (type) {
    case meta::kText:
      return "Text_t";
    case meta::kCopyright:
      return "Copyright_t";
    case meta::kTitle:
      return "Title_t";
    case meta::kInstrumentName:
      return "Instrument_name_t";
    case meta::kLyric:
      return "Lyric_t";
    case meta::kMarker:
      return "Marker_t";
    case meta::kCuePoint:
      return "Cue_point_t";
    case meta::kProgramName:
      return "Program_name_t";
    case meta::kDeviceName:
      return "Device_name_t";
    default:
      return {};
  }
}

class CsvWriter {
 public:
  CsvWriter(const MidiFile& file, Warnings& warnings, CsvDialect dialect)
      : file_(file), warnings_(warnings), python_(dialect == CsvDialect::py_midicsv) {}

  std::string run() {
    // midicsv takes the header's numbers for signed ones.
    const auto number = [&](std::uint16_t value) {
      return python_ ? int{value} : int{static_cast<std::int16_t>(value)};
    };
    text_ += "0, 0, Header";
    field(number(file_.format));
    field(number(file_.declared_tracks));
    field(number(file_.division));
    text_ += '\n';
    const auto declared = static_cast<std::size_t>(std::max(number(file_.declared_tracks), 0));
    if (declared < file_.tracks.size()) {
      warnings_.add("track beyond the header's count left out of the CSV",
                    static_cast<std::int64_t>(file_.tracks.size() - declared));
    }
    for (std::size_t index = 0; index < std::min(declared, file_.tracks.size()); ++index) {
      track_ = static_cast<std::int64_t>(index) + 1;
      line(0, "Start_track");
      text_ += '\n';
      for (const MidiEvent& event : file_.tracks[index].events) write(event);
    }
    text_ += "0, 0, End_of_file";
    if (!python_) text_ += '\n';
    return std::move(text_);
  }

 private:
  void write(const MidiEvent& event) {
    switch (event.kind()) {
      case midi::kNoteOff:
        return channel_line(event, "Note_off_c", 2);
      case midi::kNoteOn:
        return channel_line(event, "Note_on_c", 2);
      case midi::kPolyAftertouch:
        return channel_line(event, "Poly_aftertouch_c", 2);
      case midi::kControlChange:
        return channel_line(event, "Control_c", 2);
      case midi::kProgramChange:
        return channel_line(event, "Program_c", 1);
      case midi::kChannelAftertouch:
        return channel_line(event, "Channel_aftertouch_c", 1);
      case midi::kPitchBend:
        line(event.tick, "Pitch_bend_c");
        field(event.channel());
        field(event.data[0] | event.data[1] << 7);
        break;
      case midi::kSystemExclusive:
        return data_line(event, "System_exclusive");
      case midi::kSystemExclusivePacket:
        return data_line(event, python_ ? "System_exclusive_F7" : "System_exclusive_packet");
      case midi::kMeta:
        return write_meta(event);
      default:
        if (python_) return warnings_.add("unknown event left out of the CSV");
        line(event.tick, "Unknown_event");
        text_ += ", ";
        hexadecimal(event.status);
        text_ += 'x';
    }
    text_ += '\n';
  }

  void write_meta(const MidiEvent& event) {
    const std::uint8_t type = event.data[0];
    const bool known_here = python_ || type < meta::kProgramName;
    if (const std::string_view name = text_name(type); !name.empty() && known_here) {
      line(event.tick, name);
      text_ += ", ";
      quote(file_.payload(event));
      text_ += '\n';
      return;
    }
    // Fields stand where they stand, whatever length the event claims: midicsv reads them so.
    std::array<std::uint8_t, 5> b{};
    const std::span<const std::uint8_t> held = file_.payload(event, meta::fixed_length(type));
    std::copy_n(held.begin(), std::min(held.size(), b.size()), b.begin());
    switch (type) {
      case meta::kSequenceNumber:
        fields(event, "Sequence_number", {b[0] << 8 | b[1]});
        break;
      case meta::kChannelPrefix:
        fields(event, "Channel_prefix", {b[0]});
        break;
      case meta::kPort:
        fields(event, "MIDI_port", {b[0]});
        break;
      case meta::kEndOfTrack:
        fields(event, "End_track", {});
        break;
      case meta::kTempo:
        fields(event, "Tempo", {b[0] << 16 | b[1] << 8 | b[2]});
        break;
      case meta::kSmpteOffset:
        fields(event, "SMPTE_offset", {b[0], b[1], b[2], b[3], b[4]});
        break;
      case meta::kTimeSignature:
        fields(event, "Time_signature", {b[0], b[1], b[2], b[3]});
        break;
      case meta::kKeySignature:
        fields(event, "Key_signature", {static_cast<std::int8_t>(b[0])});
        text_ += b[1] == 0 ? ", \"major\"" : ", \"minor\"";
        break;
      case meta::kSequencerSpecific:
        return data_line(event, "Sequencer_specific");
      case meta::kLoopTrack:
        if (python_) {
          fields(event, "Loop_track", {});
          break;
        }
        [[fallthrough]];
      default:
        if (python_) return warnings_.add("unknown meta event left out of the CSV");
        fields(event, "Unknown_meta_event", {type, event.length});
        for (const std::uint8_t byte : file_.payload(event)) field(byte);
    }
    text_ += '\n';
  }

  void channel_line(const MidiEvent& event, std::string_view name, int values) {
    line(event.tick, name);
    field(event.channel());
    field(event.data[0]);
    if (values == 2) field(event.data[1]);
    text_ += '\n';
  }

  void data_line(const MidiEvent& event, std::string_view name) {
    line(event.tick, name);
    if (python_) {
      text_ += ", ";
      hexadecimal(event.length);
    } else {
      field(event.length);
    }
    for (const std::uint8_t byte : file_.payload(event)) {
      if (python_) {
        text_ += ", ";
        hexadecimal(byte);
      } else {
        field(byte);
      }
    }
    text_ += '\n';
  }

  void fields(const MidiEvent& event, std::string_view name, std::initializer_list<std::int64_t> values) {
    line(event.tick, name);
    for (const std::int64_t value : values) field(value);
  }

  void line(std::int64_t tick, std::string_view name) {
    decimal(track_);
    text_ += ", ";
    decimal(tick);
    text_ += ", ";
    text_ += name;
  }
  void field(std::int64_t value) {
    text_ += ", ";
    decimal(value);
  }
  void decimal(std::int64_t value) {
    std::array<char, 20> digits;
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    text_.append(digits.data(), end);
  }
  void hexadecimal(std::uint32_t value) {
    int shift = 4;  // two digits at least
    while (shift < 28 && value >> (shift + 4) != 0) shift += 4;
    for (; shift >= 0; shift -= 4) text_ += "0123456789ABCDEF"[value >> shift & 0xF];
  }
  void quote(std::span<const std::uint8_t> bytes) {
    text_ += '"';
    for (const std::uint8_t byte : bytes) {
      if (byte < 0x20 || (byte > 0x7E && (python_ || byte <= 0xA0))) {
        text_ += '\\';
        for (int shift = 6; shift >= 0; shift -= 3) text_ += static_cast<char>('0' + (byte >> shift & 7));
        continue;
      }
      if (byte == '"' || byte == '\\') text_ += static_cast<char>(byte);
      text_ += static_cast<char>(byte);
    }
    text_ += '"';
  }

  const MidiFile& file_;
  Warnings& warnings_;
  const bool python_;
  std::string text_;
  std::int64_t track_ = 0;
};

}  // namespace

std::string write_csv(const MidiFile& file, Warnings& warnings, CsvDialect dialect) {
  return CsvWriter(file, warnings, dialect).run();
}

}  // namespace polonaise::io

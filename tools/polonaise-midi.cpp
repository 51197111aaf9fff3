#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/encodings/encoding.h"
#include "io/files/error.h"
#include "io/files/file.h"
#include "io/midi/csv.h"
#include "io/midi/midi.h"
#include "io/midi/notes.h"
#include "io/midi/svg.h"
#include "tools/cli/cli.h"
#include "tools/cli/files.h"
#include "tools/jobs/message.h"
#include "tools/jobs/progress.h"
#include "tools/midi/midi_info.h"
#include "tools/midi/render.h"
#include "tools/options/encoding_option.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kProgram = "polonaise-midi";

struct Arguments {
  fs::path file;
  fs::path output;
  bool strict = false;
  bool quiet = false;
  std::string dialect = "midicsv";
  bool json = false;
  EncodingChoice encoding;
  fs::path soundfont;
  std::string title;
  double zoom = 24;
  std::int64_t first_bar = 1;
  std::int64_t last_bar = 0;
};

void report(const Arguments& a, const io::Warnings& warnings) {
  if (!a.quiet) print_warnings(kProgram, a.file, warnings);
}

// Before any reading, so that a slip in the output's name is told at once.
void check(const Arguments& a) {
  check_output(a.output, std::array{a.file});
}

io::Score read_notes(const Arguments& a) {
  io::Warnings warnings;
  io::Score score = io::read_score(a.file, warnings, a.strict);
  report(a, warnings);
  return score;
}

void csv(const Arguments& a) {
  if (!a.output.empty()) check(a);
  io::Warnings warnings;
  const io::MidiFile midi = io::read_midi(a.file, warnings, a.strict);
  const auto dialect = a.dialect == "midicsv" ? io::CsvDialect::midicsv : io::CsvDialect::py_midicsv;
  const std::string text = io::write_csv(midi, warnings, dialect);
  report(a, warnings);
  if (a.output.empty()) {
    print(text);
  } else {
    io::write_file(a.output, text);
  }
}

void from_csv(const Arguments& a) {
  check(a);
  const io::CsvImport import = io::read_csv(io::read_text(a.file), a.file.string(), a.strict);
  if (!a.quiet) {
    for (const io::CsvFinding& finding : import.findings) {
      write_message(fmt::format("{}: {} line {}: {}\n", kProgram, a.file.string(), finding.line, finding.text));
    }
  }
  io::write_file(a.output, io::write_midi(import.midi));
}

void roll(const Arguments& a) {
  check(a);
  if (a.last_bar > 0 && a.last_bar < a.first_bar) {
    throw UsageError(fmt::format("--last-bar {} is before --first-bar {}.", a.last_bar, a.first_bar));
  }
  io::PianoRollOptions options;
  options.title = a.title.empty() ? piece_stem(a.file) : a.title;
  options.pixels_per_quarter = a.zoom;
  options.first_bar = a.first_bar;
  if (a.last_bar > 0) options.last_bar = a.last_bar;
  const io::Score score = read_notes(a);
  const std::string picture = [&] {
    try {
      return io::piano_roll_svg(score, options);
    } catch (const io::Error& error) {
      throw io::Error(fmt::format("{}: {}", a.file.string(), error.what()));
    }
  }();
  io::write_file(a.output, picture);
}

void roundtrip(const Cli& cli, const Arguments& a) {
  check(a);
  const auto encoding = encoding_of(cli, a.encoding);
  const io::Score score = read_notes(a);
  io::LossReport losses;
  const Events events = encoding->encode(score, losses);
  const io::Score decoded = encoding->decode(events.view());
  const std::string through = a.encoding.tokens.empty()
                                  ? a.encoding.name
                                  : fmt::format("{} with {}", a.encoding.name, fmt::join(a.encoding.tokens, ", "));
  io::write_file(a.output, io::write_score(decoded, fmt::format("{} through {}", piece_stem(a.file), through)));
  std::string text = fmt::format("{}: {}, {}, {} decoded\n", through, counted(losses.notes, "note"),
                                 counted(events.size(), "event"), counted(std::ssize(decoded.notes), "note"));
  for (const std::string& line : losses.lines()) text += line + "\n";
  print(text);
}

void render(const Arguments& a) {
  check(a);
  render_wav(a.file, a.output, a.soundfont, a.strict);
}

Cli& reading_command(Cli& cli, Arguments& a, const std::string& name, const std::string& summary,
                     const std::string& what) {
  Cli& command = cli.command(name, summary);
  command.positional("FILE", a.file, what).required();
  return command;
}

int run(int argc, char** argv) {
  Arguments a;
  Cli cli(std::string(kProgram), "looks into MIDI files and turns them into other forms and back");
  cli.flag("--strict", a.strict, "fail at the first thing the specification forbids, instead of repairing and warning");
  cli.flag("-q,--quiet", a.quiet, "print no warnings");
  const std::string midi_file = "a Standard MIDI File, format 0, 1 or 2, or one compressed with gzip";

  Cli& to_csv = reading_command(cli, a, "csv", "prints the events as text, as the program midicsv does", midi_file);
  to_csv.option("-o,--output", a.output, "write the text here instead of to standard output").placeholder("FILE");
  to_csv.option("--dialect", a.dialect, "whose text").choices({"midicsv", "py_midicsv"});
  to_csv.example("polonaise-midi csv song.mid | grep Tempo", "the tempo changes of a piece");
  to_csv.action([&a] { csv(a); });

  Cli& of_csv = reading_command(cli, a, "from-csv", "makes a MIDI file of such text", "text of either dialect");
  of_csv.option("-o,--output", a.output, "the MIDI file to write").placeholder("FILE").required();
  of_csv.example("polonaise-midi csv a.mid | sed s/Title_t/Text_t/ | polonaise-midi from-csv /dev/stdin -o b.mid",
                 "edits a file on its way through text");
  of_csv.action([&a] { from_csv(a); });

  Cli& info = reading_command(cli, a, "info", "says what is in a file", midi_file);
  info.flag("--json", a.json, "as a JSON object");
  info.example("polonaise-midi info song.mid --json", "the same as JSON, for programs");
  info.action([&a] { print(midi_info(a.file, a.json, a.strict)); });

  Cli& picture =
      reading_command(cli, a, "roll", "draws the piano roll as an SVG picture, a sample's opening pale", midi_file);
  picture.option("-o,--output", a.output, "the SVG file to write").placeholder("FILE").required();
  picture.option("--title", a.title, "headline; the file's name if none is given");
  picture.option("--zoom", a.zoom, "pixels to a quarter note").range(2, 200);
  picture.option("--first-bar", a.first_bar, "the first bar to draw").range(1);
  picture.option("--last-bar", a.last_bar, "the last bar to draw, 0 for all").range(0);
  picture.example("polonaise-midi roll song.mid -o song.svg --last-bar 16", "the first sixteen bars");
  picture.action([&a] { roll(a); });

  Cli& there_and_back =
      reading_command(cli, a, "roundtrip", "encodes and decodes a file and says what was lost", midi_file);
  declare_encoding(there_and_back, a.encoding).required();
  there_and_back.option("-o,--output", a.output, "the MIDI file to write").placeholder("FILE").required();
  there_and_back.example("polonaise-midi roundtrip song.mid --encoding chordvec -o heard.mid",
                         "what a model trained on this encoding would hear of the piece");
  there_and_back.example("polonaise-midi roundtrip song.mid --encoding tsd --tokens pedal,tempo -o heard.mid",
                         "the same of notes with lengths, pedal and tempo");
  there_and_back.action([&] { roundtrip(there_and_back, a); });

  Cli& sound = reading_command(cli, a, "render", "plays a file into a WAV file with fluidsynth", midi_file);
  sound.option("-o,--output", a.output, "the WAV file to write").placeholder("FILE").required();
  sound.option("--soundfont", a.soundfont, "the instruments, a .sf2 or .sf3 file; the system's if none is given")
      .placeholder("FILE");
  sound.example("polonaise-midi render song.mid -o song.wav", "with the soundfont that is installed");
  sound.action([&a] { render(a); });

  cli.example("polonaise-midi info song.mid", "format, tracks, duration, notes, tempi, warnings");
  cli.example("polonaise-midi roll song.mid -o song.svg", "a picture of the notes");
  return cli.run(argc, argv);
}

}  // namespace
}  // namespace polonaise::tools

int main(int argc, char** argv) {
  return polonaise::tools::run(argc, argv);
}

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/benchmark_sets.h"
#include "io/data/dataset.h"
#include "io/data/split.h"
#include "io/encodings/encoding.h"
#include "io/files/error.h"
#include "io/files/file.h"
#include "tools/cli/cli.h"
#include "tools/cli/files.h"
#include "tools/cli/version.h"
#include "tools/jobs/message.h"
#include "tools/jobs/progress.h"
#include "tools/options/encoding_option.h"
#include "tools/prepare/encode_sources.h"
#include "tools/prepare/folders.h"
#include "tools/prepare/losses.h"
#include "tools/prepare/sources.h"
#include "tools/prepare/summary.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kProgram = "polonaise-prepare";

struct Arguments {
  std::vector<fs::path> folders;
  fs::path rolls;
  int synthetic = 0;
  fs::path output;
  EncodingChoice encoding;
  fs::path losses;
  std::string parts = "all";
  std::string split = "0.8,0.1,0.1";
  std::string split_by = "folder";
  std::uint64_t seed = 1;
  std::string transpose = "0..0";
  std::vector<double> tempos = {1.0};
  bool strict = false;
  bool overwrite = false;
  bool quiet = false;
  int jobs = 0;
};

void check_new(const Arguments& a, const std::vector<fs::path>& inputs) {
  check_output(a.output, inputs);
  if (fs::exists(a.output) && !a.overwrite) {
    throw io::Error(fmt::format("{} exists; give --overwrite to replace it.", a.output.string()));
  }
}

io::SplitRatios split_ratios(const Arguments& a) {
  try {
    return io::parse_split_ratios(a.split);
  } catch (const io::Error& error) {
    throw UsageError(fmt::format("--split: {}", error.what()));
  }
}

// Both files or, where one cannot be written, neither: the table, which is small and made anew in a moment, goes first.
void write_both(const Arguments& a, const std::string& losses, const io::Corpus& corpus, const io::Encoding& encoding,
                const std::string& source) {
  if (!a.losses.empty()) io::write_file(a.losses, losses);
  try {
    io::write_dataset(a.output, corpus, encoding, source);
  } catch (...) {
    std::error_code ignored;
    if (!a.losses.empty() && fs::is_regular_file(fs::symlink_status(a.losses, ignored))) fs::remove(a.losses, ignored);
    throw;
  }
}

std::vector<std::string> strings(const std::vector<fs::path>& paths) {
  return {paths.begin(), paths.end()};
}

void prepare_midi(const Cli& cli, const Arguments& a) {
  Augmentation augmentation;
  augmentation.tempos = a.tempos;
  parse_transposition(a.transpose, augmentation);
  const io::SplitRatios ratios = split_ratios(a);
  const auto encoding = encoding_of(cli, a.encoding);

  std::vector<fs::path> files;
  if (a.synthetic == 0) files = find_midi_files(a.folders);
  check_new(a, files);
  if (!a.losses.empty()) {
    check_output(a.losses, files);
    if (fs::weakly_canonical(a.losses) == fs::weakly_canonical(a.output)) {
      throw UsageError("--losses and --output name the same file.");
    }
  }
  const Sources sources =
      a.synthetic > 0
          ? synthetic_sources(a.synthetic, a.seed)
          : read_sources(files, {a.parts == "piano" ? Parts::piano : Parts::all, a.strict, a.jobs, a.quiet});
  for (const std::string& reason : sources.skipped) write_message(fmt::format("{}: skipped: {}\n", kProgram, reason));

  std::vector<io::PieceId> ids;
  for (const Source& source : sources.read) ids.push_back(source.id);
  const auto groups = io::piece_groups(ids);
  const Folders folders = folders_of(sources.read, groups, a.folders);
  const std::vector<io::Split> splits =
      a.split_by == "folder" ? io::split_groups_by_folder(groups, folders.homes, ids.size(), ratios, a.seed)
                             : io::split_groups(groups, ids.size(), ratios, a.seed);
  const Encoded encoded = encode_sources(sources.read, splits, *encoding, augmentation, a.jobs, a.quiet);

  nlohmann::ordered_json source;
  source["program"] = fmt::format("{} {}", kProgram, version());
  if (a.synthetic > 0) {
    source["synthetic"] = a.synthetic;
  } else {
    source["folders"] = strings(a.folders);
  }
  source["files"] = sources.read.size();
  source["skipped"] = sources.skipped.size();
  source["parts"] = a.parts;
  source["split"] = a.split;
  source["split_by"] = a.split_by;
  source["seed"] = a.seed;
  source["transpose"] = a.transpose;
  source["tempo"] = a.tempos;
  write_both(a, a.losses.empty() ? "" : losses_csv(sources.read, splits, encoded), encoded.corpus, *encoding,
             source.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));

  std::string text = groups_text(sources.read, groups, splits);
  text += summary_text(sources, splits, encoded);
  text += folders_text(folders, groups, splits);
  text += mix_text(encoded.corpus, encoding->shape());
  if (a.synthetic > 0) {
    text += fmt::format("{} made by rule, written to {}\n", counted(a.synthetic, "piece"), a.output.string());
  } else {
    text += fmt::format("{} of {}, {}, written to {}\n", format_count(std::ssize(sources.read)),
                        counted(std::ssize(files), "file"), counted(std::ssize(groups), "piece"), a.output.string());
  }
  print(text);
  for (const io::Split split : io::kSplits) {
    const double ratio = split == io::Split::train   ? ratios.train
                         : split == io::Split::valid ? ratios.valid
                                                     : ratios.test;
    if (ratio == 0 || !encoded.corpus[split].empty()) continue;
    write_message(fmt::format("{}: the {} split is empty: there is no more than {}.\n", kProgram, io::split_name(split),
                              counted(std::ssize(groups), "piece")));
  }
}

void prepare_rolls(const Arguments& a) {
  std::vector<fs::path> inputs;
  for (const io::Split split : io::kSplits) inputs.push_back(a.rolls / fmt::format("{}.jsonl", io::split_name(split)));
  Augmentation augmentation;
  parse_transposition(a.transpose, augmentation);
  check_new(a, inputs);
  io::Corpus corpus = io::read_rolls_folder(a.rolls);
  io::Warnings dropped;
  repeat_rolls(corpus[io::Split::train], augmentation, dropped);
  const auto encoding = io::make_encoding("roll88");
  nlohmann::ordered_json source;
  source["program"] = fmt::format("{} {}", kProgram, version());
  source["rolls"] = a.rolls.string();
  source["transpose"] = a.transpose;
  io::write_dataset(a.output, corpus, *encoding, source.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  print(rolls_text(corpus, dropped) + fmt::format("written to {}\n", a.output.string()));
}

// As the user writes the option `name`.
std::string spelled(std::string_view name) {
  return name == "dir" ? "DIR" : fmt::format("--{}", name);
}

void prepare(const Cli& cli, const Arguments& a) {
  if (a.rolls.empty()) {
    if (a.synthetic > 0) {
      for (const char* name : {"dir", "parts", "strict", "split-by"}) {
        if (!cli.given(name)) continue;
        throw UsageError(fmt::format("{} does not go with --synthetic, which reads no files.", spelled(name)));
      }
    } else if (a.folders.empty()) {
      throw UsageError("DIR is missing: name a folder with MIDI files, or --rolls DIR, or --synthetic N.");
    }
    if (a.encoding.name.empty()) throw UsageError("the option --encoding NAME is missing.");
    return prepare_midi(cli, a);
  }
  for (const char* name :
       {"dir", "synthetic", "split", "split-by", "seed", "tempo", "parts", "steps-per-quarter", "tokens", "losses"}) {
    if (!cli.given(name)) continue;
    throw UsageError(
        fmt::format("{} does not go with --rolls, whose sequences come divided and encoded.", spelled(name)));
  }
  if (!a.encoding.name.empty() && a.encoding.name != "roll88") throw UsageError("--rolls are encoded as roll88 only.");
  prepare_rolls(a);
}

int run(int argc, char** argv) {
  Arguments a;
  Cli cli(std::string(kProgram), "turns folders of MIDI files into a dataset to train on");
  cli.positional("DIR", a.folders,
                 "folders searched for .mid, .midi and .kar files, also compressed ones (.mid.gz), with all folders "
                 "below; or single files");
  cli.option("-o,--output", a.output, "the dataset to write").placeholder("DATASET").required();
  cli.option(
         "--rolls", a.rolls,
         "instead of MIDI files take train.jsonl, valid.jsonl and test.jsonl of this folder, a set of the piano-roll "
         "benchmark, divided as it is")
      .placeholder("DIR");
  cli.option("--synthetic", a.synthetic,
             "instead of MIDI files take this many piano pieces made by rule, the same for the same --seed")
      .placeholder("N")
      .range(0, 100000);
  declare_encoding(cli, a.encoding);
  cli.option("--losses", a.losses, "also write what the encoding lost of each file, as a table in CSV")
      .placeholder("FILE");
  cli.option("--parts", a.parts, "whose notes").choices({"all", "piano"});

  cli.group("Split and augmentation");
  cli.option("--split", a.split, "shares of the pieces for training, validation and test").placeholder("A,B,C");
  cli.option(
         "--split-by", a.split_by,
         "folder deals the pieces of each source folder (just below DIR) into all splits, where it has enough: with "
         "the same mix of music in each, what a model scores on one holds for the others; none deals all as one")
      .choices({"folder", "none"});
  cli.option("--seed", a.seed, "which pieces go where follows from it alone; also what --synthetic makes");
  cli.option("--transpose", a.transpose, "training pieces once for each of these shifts, in semitones")
      .placeholder("LO..HI");
  cli.option("--tempo", a.tempos, "training pieces once for each of these speeds").placeholder("LIST").range(0.25, 4);

  cli.group("");
  cli.flag("--strict", a.strict, "fail at the first file that is broken, instead of skipping it");
  cli.option("--jobs", a.jobs, "threads, 0 for one on each processor").range(0, 1024);
  cli.flag("--overwrite", a.overwrite, "replace an existing dataset").transient();
  cli.flag("-q,--quiet", a.quiet, "show no progress");

  cli.example("polonaise-prepare ~/midi -o piano.data --encoding chordvec",
              "all MIDI files below a folder, eight pieces in ten for training");
  cli.example("polonaise-prepare ~/maestro -o maestro.data --encoding perf --transpose -3..3 --tempo 0.95,1,1.05",
              "performances with dynamics, each training piece in seven keys at three speeds");
  cli.example("polonaise-prepare ~/scores -o scores.data --encoding tsd --tokens tempo,articulation --losses lost.csv",
              "notes with lengths, tempo and articulation, and a table of what was lost of each file");
  cli.example("polonaise-prepare ~/midi ~/scores -o both.data --encoding chordvec --split-by none",
              "two collections, divided without regard to their folders");
  cli.example("polonaise-prepare --rolls polyphonic/jsb_chorales -o jsb.data",
              "the chorales of the piano-roll benchmark");
  cli.action([&] { prepare(cli, a); });
  return cli.run(argc, argv);
}

}  // namespace
}  // namespace polonaise::tools

int main(int argc, char** argv) {
  return polonaise::tools::run(argc, argv);
}

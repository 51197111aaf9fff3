#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/copies/ngrams.h"
#include "io/data/dataset.h"
#include "io/encodings/encoding.h"
#include "io/files/error.h"
#include "io/files/file.h"
#include "io/midi/notes.h"
#include "models/sampling/generate.h"
#include "tools/cli/cli.h"
#include "tools/cli/files.h"
#include "tools/jobs/parallel_jobs.h"
#include "tools/jobs/progress.h"
#include "tools/options/device_option.h"
#include "tools/sample/constraints.h"
#include "tools/sample/no_copy.h"
#include "tools/sample/opening.h"
#include "tools/training/run.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kProgram = "polonaise-sample";
constexpr Index kTogether = 1024;  // samples that a card draws side by side

struct Arguments {
  fs::path run;
  fs::path output;
  OpeningOptions opening;
  std::int64_t steps = 256;
  int count = 1;
  double temperature = 1;
  int top_k = 0;
  double top_p = 1;
  ConstraintOptions constraints;
  int no_copy = 0;
  fs::path dataset;
  bool open_ended = false;  // --bars or --seconds without --steps
  std::uint64_t seed = 1;
  std::string checkpoint = "best";
  std::string device = "auto";
  int threads = 0;
  bool quiet = false;
};

// OUT.mid, or OUT-001.mid, OUT-002.mid, ... of several.
fs::path output_name(const Arguments& a, int sample) {
  if (a.count == 1) return a.output;
  fs::path name = a.output.stem();
  name += fmt::format("-{:03}", sample + 1);
  name += a.output.extension();
  return a.output.parent_path() / name;
}

// What may be drawn, as the run's encoding has it.
EventGrammar grammar_of(const Arguments& a, const io::GrammarOptions& asked_for, const io::Encoding& encoding) {
  try {
    return encoding.grammar(asked_for);
  } catch (const io::Error& error) {
    const std::vector<std::string> given = asked(a.constraints);
    if (given.empty()) throw;
    throw UsageError(fmt::format("{}: {}.", fmt::join(given, ", "), error.what()));
  }
}

// The N-grams of what the run was trained on.
std::optional<io::Ngrams> known_ngrams(const Arguments& a, const Run& run, Progress& progress) {
  if (a.no_copy == 0) return std::nullopt;
  if (a.no_copy < 2) throw UsageError("--no-copy: a run of 1 event is every event; give 2 or more, or 0 for any copy.");
  const fs::path file = a.dataset.empty() ? run.options().dataset : a.dataset;
  if (!fs::exists(file)) {
    throw io::Error(
        fmt::format("{}: the run's dataset, which --no-copy looks into, is not there; say where it is by --dataset",
                    file.string()));
  }
  const io::Dataset data = io::Dataset::open(file);
  run.check_encoding(data.encoding(), file);
  io::Ngrams ngrams(data.all(io::Split::train), a.no_copy);
  progress.note(
      fmt::format("{}: {} different runs of {} events are not completed; the host looks at each event, so a "
                  "card draws one a launch",
                  file.string(), format_count(ngrams.size()), a.no_copy));
  return ngrams;
}

// All constraints that were asked for, as they were given.
std::vector<std::string> all_asked(const Arguments& a) {
  std::vector<std::string> given = asked(a.constraints);
  if (a.no_copy > 0) given.push_back(fmt::format("--no-copy {}", a.no_copy));
  return given;
}

// Throws where a sample is not what was asked for.
void check_ending(const Arguments& a, const Generated& drawn) {
  if (drawn.ending == Ending::grammar && drawn.size() == 0) {
    throw UsageError(
        fmt::format("the opening already lasts what {} asks for; ask for more, or go on from less of it by "
                    "--prime-steps.",
                    asked(a.constraints).back()));
  }
  if (drawn.ending == Ending::nothing_allowed) {
    const std::vector<std::string> given = all_asked(a);
    throw io::Error(fmt::format("after {} drawn events nothing may follow{}{}; ask for less, or try another --seed",
                                drawn.size(), given.empty() ? "" : " under ", fmt::join(given, ", ")));
  }
}

// What the text event of a sample says: all that its making depends on.
std::string provenance(const Arguments& a, const Run& run, int sample) {
  std::string text = fmt::format("polonaise-sample run={} step={} seed={} sample={}", a.run.string(),
                                 run.step_of(a.checkpoint), a.seed, sample + 1);
  if (!a.open_ended) text += fmt::format(" steps={}", a.steps);
  text += fmt::format(" temperature={} top-k={} top-p={} {}", a.temperature, a.top_k, a.top_p,
                      opening_provenance(a.opening));
  if (!a.constraints.grammar) text += " --no-grammar";
  for (const std::string& constraint : all_asked(a)) text += " " + constraint;
  return text;
}

// Where keys are drawn one after another, there is no order of likelihood among them to be cut.
void check_cuts(const Arguments& a, const Model& model) {
  const ModelConfig& config = model.config();
  if (config.head != Head::autoregressive || config.events.has_durations()) return;
  if (a.top_k == 0 && a.top_p == 1) return;
  throw UsageError(
      fmt::format("--top-k and --top-p have nothing to cut in {}, whose head draws keys one after another; use "
                  "--temperature.",
                  a.run.string()));
}

void sample(const Arguments& a) {
  const Run run = Run::open(a.run);
  std::vector<fs::path> inputs;
  if (a.opening.is_file()) inputs.push_back(a.opening.prime);
  for (int i = 0; i < a.count; ++i) check_output(output_name(a, i), inputs);

  AnyDevice device = device_of(a.device, a.threads);
  const std::unique_ptr<Model> model = run.load_model(device, a.checkpoint);
  const io::Encoding& encoding = run.encoding();
  check_cuts(a, *model);
  const Events prime = opening_events(a.opening, kProgram, encoding);
  const io::GrammarOptions asked_for = grammar_options(a.constraints);
  EventGrammar grammar;
  if (a.constraints.grammar) grammar = grammar_of(a, asked_for, encoding);
  const Index steps = a.open_ended ? std::numeric_limits<std::int32_t>::max() : a.steps;

  Progress progress(a.open_ended ? 0 : a.count * a.steps, {.quiet = a.quiet});
  const std::optional<io::Ngrams> known = known_ngrams(a, run, progress);
  // Threads of the CPU take a sample each; a card takes many side by side.
  const Index together = shares_host_memory(device) ? 1 : std::min<Index>(a.count, kTogether);
  const auto groups = static_cast<std::size_t>(ceil_div(a.count, together));
  parallel_for(groups, shard_threads(device), [&](std::size_t group) {
    const Index first = static_cast<Index>(group) * together, streams = std::min(together, a.count - first);
    const kernels::SamplingOptions sampling{static_cast<float>(a.temperature), a.top_k, static_cast<float>(a.top_p)};
    GenerateOptions options{.steps = steps,
                            .sampling = sampling,
                            .seed = a.seed,
                            .stream = first,
                            .grammar = a.constraints.grammar ? &grammar : nullptr};
    if (known) options.veto = [&] { return std::make_unique<NoCopy>(*known, prime.view()); };
    const std::vector<Generated> all = generate_streams(*model, prime.view(), options, streams, [&](Index done) {
      // The first group stands for all, which run side by side or take as long.
      if (group == 0 && progress.due()) {
        progress.show(done * a.count / streams, fmt::format("event {}", format_count(done / streams)));
      }
      return true;
    });
    for (const Generated& drawn : all) check_ending(a, drawn);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const int index = static_cast<int>(first) + static_cast<int>(i);
      Events events = prime;
      events.append(all[i].events.view());
      const io::Score score = sample_score(a.opening, encoding, events.view(), prime.size());
      io::write_file(output_name(a, index), io::write_score(score, provenance(a, run, index)));
    }
  });
}

int run(int argc, char** argv) {
  Arguments a;
  Cli cli(std::string(kProgram), "lets a trained model go on from the opening of a piece");
  cli.positional("RUN", a.run, "the run's folder").required();
  cli.option("-o,--output", a.output, "the MIDI file to write; with --count N: OUT-001.mid to OUT-N.mid")
      .placeholder("OUT.mid")
      .required();
  cli.option("--steps", a.steps, "events to draw after the opening; no limit where --bars or --seconds is one")
      .range(1, 1e8);
  cli.option("--count", a.count, "samples; sample i is the same however many there are").range(1, 100000);
  cli.option("--seed", a.seed, "a sample follows from the run, the options and this");
  cli.option("--checkpoint", a.checkpoint, "best by validation, or last").choices({"best", "last"});

  declare(cli, a.opening);

  cli.group("Drawing");
  cli.option("--temperature", a.temperature, "below 1 more regular, above 1 wilder; 0 takes the likeliest event")
      .range(0, 100);
  cli.option(
         "--top-k", a.top_k,
         "draw among the k likeliest only; 0 for all. Neither this nor --top-p cuts keys that an autoregressive head "
         "draws one after another")
      .range(0, 65536);
  cli.option("--top-p", a.top_p, "draw among the likeliest that together have this probability").range(1e-6, 1);

  declare(cli, a.constraints);
  cli.option("--no-copy", a.no_copy,
             "never complete a run of N events that a training piece has, as the dataset holds it (in another key it "
             "may come); 0 for any copy")
      .range(0, 65536);
  cli.option("--dataset", a.dataset, "where the run's dataset is now, for --no-copy").placeholder("FILE");

  cli.group("");
  declare_device(cli, a.device, a.threads);
  cli.flag("-q,--quiet", a.quiet, "show no progress");
  cli.example("polonaise-sample run --steps 200 --seed 53 -o polonaise.mid", "a continuation of the Polonaise");
  cli.example("polonaise-sample run --prime song.mid --prime-steps 32 --count 8 --top-p 0.95 -o next.mid",
              "eight continuations of another piece: next-001.mid to next-008.mid");
  cli.example("polonaise-sample run --key \"A minor\" --range A1..C6 --bars 16 -o minor.mid",
              "sixteen bars with their opening, without a note outside of the key or the range");
  cli.example("polonaise-sample run --opening drop -o after.mid", "what was drawn alone, without its opening");
  cli.example("polonaise-sample run --prime none --count 4 -o own.mid", "four pieces from nothing");
  cli.memory_remedy("give a smaller --count, or --device cpu");
  cli.action([&] {
    check(cli, a.opening);
    if (a.no_copy == 0) cli.refuse_flags({"dataset"}, "belongs to --no-copy N, which is not given; leave it out");
    a.open_ended = (a.constraints.bars > 0 || a.constraints.seconds > 0) && !cli.given("steps");
    sample(a);
  });
  return cli.run(argc, argv);
}

}  // namespace
}  // namespace polonaise::tools

int main(int argc, char** argv) {
  return polonaise::tools::run(argc, argv);
}

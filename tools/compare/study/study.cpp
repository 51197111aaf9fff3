#include "tools/compare/study/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "io/files/error.h"
#include "io/files/file.h"
#include "io/midi/notes.h"
#include "runtime/device/cuda_status.h"
#include "tools/cli/cli.h"
#include "tools/compare/findings/conclusion.h"
#include "tools/compare/findings/reservations.h"
#include "tools/compare/study/ceiling.h"
#include "tools/compare/study/environment.h"
#include "tools/compare/study/folder.h"
#include "tools/compare/study/judge.h"
#include "tools/compare/study/trial.h"
#include "tools/jobs/interrupt.h"
#include "tools/jobs/progress.h"
#include "tools/options/device_option.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

constexpr double kTicks = 100;  // of Progress, in a second

std::vector<AnyDevice> open_devices(const CompareOptions& options) {
  std::vector<AnyDevice> devices;
  if (options.precision != "float" && std::ranges::find(options.devices, "cpu") != options.devices.end()) {
    throw UsageError(
        fmt::format("--precision {} needs cards, and --devices names cpu, which computes in float alone; "
                    "name cards alone, or leave --precision out.",
                    options.precision));
  }
  for (const std::string& name : options.devices) {
    if (name != "cpu" && name != "cuda" && !name.starts_with("cuda:")) {
      throw UsageError(fmt::format("--devices: there is no device '{}'; use cpu, cuda or cuda:N.", name));
    }
    try {
      devices.push_back(device_of(name, options.threads));
    } catch (const std::runtime_error&) {
      if (name == "cpu") throw;
      throw io::Error(fmt::format("--devices: {} is not to be had here ({}); leave it out.", name, cuda_status()));
    }
  }
  return devices;
}

void check_data(const CompareOptions& options, const io::Dataset& data) {
  const std::string file = options.dataset.string();
  std::int64_t longest = 0;
  for (const EventsView& piece : data.all(io::Split::train)) longest = std::max(longest, piece.size());
  if (longest == 0) throw io::Error(file + ": its training split is empty; prepare it from more music.");
  if (data.events(io::Split::valid) + data.events(io::Split::test) == 0) {
    throw io::Error(fmt::format(
        "{}: holds no piece back from training ({} for training, none else), so there is nothing to compare "
        "models on; prepare it from three pieces at least.",
        file, data.pieces(io::Split::train)));
  }
  for (const int seq : options.lengths) {
    if (seq <= longest) continue;
    throw UsageError(fmt::format(
        "--seq {} is longer than every training piece of {}, the longest of which has {} events; give at most that.",
        seq, file, longest));
  }
}

HeldOutResult summary(const io::Dataset& data, const HeldOut& held_out) {
  const io::Baselines counted = baselines_of(data, held_out);
  return {std::string(io::split_name(held_out.split)), std::ssize(held_out.pieces), held_out.events, counted.unigram,
          counted.bigram};
}

class Study {
 public:
  Study(const CompareOptions& options, const std::string& command)
      : options_(options),
        plan_(make_plan({options.models, options.lengths, options.devices, options.minutes, options.parameters,
                         options.all_seeds()})),
        data_(io::Dataset::open(options.dataset)),
        devices_((check_data(options, data_), open_devices(options))),
        openings_(find_openings(data_, options.reference, options.sample_steps)),
        course_(held_out(data_, io::Split::valid, io::Split::test, plan_.held_out_events)),
        test_(held_out(data_, io::Split::test, io::Split::valid, plan_.held_out_events)),
        folder_(ReportFolder::create_or_resume(options.output, record_of(options))),
        settings_{.options = options,
                  .data = data_,
                  .course = course_,
                  .test = test_,
                  .openings = openings_,
                  .entries = entries_per_frame(data_)} {
    std::optional<Results> before = folder_.load();
    if (before && before->checksum != data_.checksum()) {
      throw io::Error(
          fmt::format("{}: is not the dataset that {} was begun with; give that one, or name another folder "
                      "with -o.",
                      options.dataset.string(), options.output.string()));
    }
    results_ = before ? std::move(*before) : begin(command);
  }

  // False where interrupted.
  bool run() {
    if (results_.complete) {
      folder_.render(results_);
      return true;
    }
    save();
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      if (results_.devices[i].ceiling != 0) continue;
      set_precision(devices_[i], options_.precision);
      results_.devices[i].ceiling = product_ceiling(devices_[i]);
    }
    save();
    Progress progress(ticks(plan_.total_seconds()), {.quiet = options_.quiet, .start = ticks(seconds_done())});
    for (CombinationResult& result : results_.combinations) {
      if (!run_combination(result, progress)) return false;
    }
    progress.note("measuring the samples and comparing them with the training pieces");
    judge(data_, options_.output, openings_.front().events.size(), options_.sample_steps, results_);
    results_.complete = true;
    save();
    folder_.render(results_);
    return true;
  }

  const Results& results() const { return results_; }

 private:
  static std::int64_t ticks(double seconds) { return static_cast<std::int64_t>(kTicks * seconds); }

  void save() {
    results_.peak_resident_bytes = std::max(results_.peak_resident_bytes, peak_resident_bytes());
    folder_.save(results_);
  }

  double each() const { return plan_.training_seconds + plan_.after_seconds; }

  // Part of the plan's time that belongs to combinations that are through.
  double seconds_done() const {
    double seconds = 0;
    for (const CombinationResult& c : results_.combinations) {
      if (c.stage == Stage::sampled || c.stage == Stage::failed) seconds += each();
      if (c.stage == Stage::trained) seconds += plan_.training_seconds;
    }
    return seconds;
  }

  Results begin(const std::string& command) const {
    Results r;
    const Environment here = environment();
    r.command = command;
    r.version = here.version;
    r.date = here.date;
    r.processor = here.processor;
    r.libraries = here.libraries;
    r.threads = here.threads;
    r.dataset = options_.dataset.string();
    r.checksum = data_.checksum();
    r.encoding = data_.encoding().name();
    r.unit = loss_unit(data_.shape());
    for (const io::Split split : io::kSplits) {
      r.splits.push_back({std::string(io::split_name(split)), {data_.pieces(split), data_.events(split)}});
    }
    r.minutes = options_.minutes;
    r.training_seconds = plan_.training_seconds;
    r.parameters = options_.parameters;
    r.step_targets = options_.step_targets;
    r.learning_rate = options_.lr;
    r.warmup = options_.warmup;
    r.optimizer = name_of(options_.optimizer);
    r.schedule = name_of(options_.schedule);
    r.start = name_of(options_.start);
    r.precision = options_.precision;
    r.temperature = options_.temperature;
    r.seeds = options_.all_seeds();
    r.target_loss = options_.target_loss;
    r.course = summary(data_, course_);
    r.test = summary(data_, test_);
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      r.devices.push_back({options_.devices[i], describe(devices_[i]), 0});
    }
    for (const Opening& opening : openings_) {
      r.openings.push_back({opening.key, opening.title, opening.seconds, {}});
      if (!opening.continuation) continue;
      const std::string file = fmt::format("samples/real-{}.mid", opening.key);
      io::write_file(options_.output / file, io::write_score(*opening.continuation, opening.title));
      r.openings.back().real = PieceOfMusic{opening.key, file, opening.events.size() + options_.sample_steps, {}};
    }
    std::map<std::pair<std::string, std::int64_t>, Size> sizes;
    for (const std::string& model : options_.models) {
      for (const std::int64_t parameters : options_.parameters) {
        sizes[{model, parameters}] = size_for(architecture_of(model), options_.layers, data_.shape(), parameters);
      }
    }
    for (const Combination& combination : plan_.combinations) {
      r.combinations.push_back(
          {.combination = combination, .size = sizes[{combination.model, combination.parameters}]});
    }
    return r;
  }

  bool run_combination(CombinationResult& result, Progress& progress) {
    const auto number = &result - results_.combinations.data() + 1;
    const double before = each() * static_cast<double>(number - 1);
    const auto device = std::ranges::find(options_.devices, result.combination.device);
    AnyDevice& on = devices_[static_cast<std::size_t>(device - options_.devices.begin())];
    const auto watch = [&](double already) {
      return Watch{[&] { return progress.due(); },
                   [&, already](double seconds, const std::string& text) {
                     progress.show(ticks(before + std::min(already + seconds, each())),
                                   fmt::format("{}/{} {}", number, plan_.combinations.size(), text));
                   }};
    };
    if (result.stage == Stage::planned) {
      if (train_combination(settings_, on, plan_.training_seconds, result, watch(0)) == Outcome::interrupted) {
        return false;
      }
      save();
      if (result.stage == Stage::trained) {
        progress.note(fmt::format("{}: {} targets in {}, held-out loss {:.3f} {}", result.combination.name,
                                  format_count(result.targets), format_duration(result.seconds),
                                  result.curve.back().loss, results_.unit));
      }
    }
    if (result.stage == Stage::trained) {
      if (sample_combination(settings_, on, plan_.after_seconds, result, watch(plan_.training_seconds)) ==
          Outcome::interrupted) {
        return false;
      }
      save();
    }
    if (result.stage == Stage::failed) {
      progress.note(fmt::format("{}: {}", result.combination.name, result.failure));
    }
    return true;
  }

  const CompareOptions& options_;
  const Plan plan_;
  const io::Dataset data_;
  std::vector<AnyDevice> devices_;
  const std::vector<Opening> openings_;
  const HeldOut course_, test_;
  const ReportFolder folder_;
  TrialSettings settings_;
  Results results_;
};

void print_report(const fs::path& folder, const Results& results) {
  print(fmt::format("{}\n\n{}\n\n{}\n", conclusion(results), reservations(results), (folder / "report.html").string()));
}

}  // namespace

bool run_study(const CompareOptions& options, const std::string& command) {
  Study study(options, command);
  if (!study.run()) {
    print(fmt::format("interrupted; the same command goes on from here, in {}\n", options.output.string()));
    return false;
  }
  print_report(options.output, study.results());
  return true;
}

void render_study(const fs::path& folder) {
  const ReportFolder report = ReportFolder::open(folder);
  const std::optional<Results> results = report.load();
  report.render(*results);
  print_report(folder, *results);
}

}  // namespace polonaise::tools

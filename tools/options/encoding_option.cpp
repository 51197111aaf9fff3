#include "tools/options/encoding_option.h"

#include <fmt/format.h>

#include "io/files/error.h"

namespace polonaise::tools {

Option& declare_encoding(Cli& cli, EncodingChoice& choice) {
  Option& name = cli.option("--encoding", choice.name, "how music becomes events").choices(io::encoding_names());
  cli.option("--steps-per-quarter", choice.steps_per_quarter, "frames to a quarter note (roll88)").range(1, 96);
  cli.option("--tokens", choice.tokens, "what else has tokens (perf, tsd)")
      .choices(io::added_token_names())
      .placeholder("LIST");
  return name;
}

std::unique_ptr<const io::Encoding> encoding_of(const Cli& cli, const EncodingChoice& choice) {
  if (choice.name != "roll88") {
    cli.refuse_flags({"steps-per-quarter"},
                     fmt::format("belongs to --encoding roll88, and --encoding is {}; leave it out", choice.name));
  }
  try {
    return io::make_encoding(choice.name, choice);
  } catch (const io::Error& error) {
    throw UsageError(fmt::format("--tokens: {}.", error.what()));
  }
}

}  // namespace polonaise::tools

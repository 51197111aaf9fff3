#include <fmt/format.h>

#include <algorithm>

#include "tools/compare/findings/words.h"
#include "tools/compare/report/html.h"
#include "tools/compare/report/report_parts.h"

namespace polonaise::tools {

HtmlTable::Cell spread_cell(const std::optional<Spread>& value, std::string_view format) {
  if (!value) return {"–", "note"};
  std::string text = number(value->mean, format);
  if (value->runs > 1) {
    text += fmt::format("<br><span class=\"unit\">{}–{}</span>", number(value->least, format),
                        number(value->greatest, format));
  }
  return {text};
}

const Reading::Entry* shown_of(const Reading& reading, std::string_view model, std::int64_t parameters) {
  const auto found = std::ranges::find_if(reading.entries, [&](const Reading::Entry& entry) {
    const Combination& c = entry.network.combination();
    return c.model == model && (parameters == 0 || c.parameters == parameters);
  });
  return found == reading.entries.end() ? nullptr : &*found;
}

HtmlTable::Cell loss_cell(const Reading& reading, const Reading::Entry* entry, bool with_length) {
  if (entry == nullptr) return {"–", "note"};
  HtmlTable::Cell cell{number(entry->loss.mean), !entry->ranked ? "note" : reading.leads(*entry) ? "best" : ""};
  if (with_length) {
    cell.html += fmt::format(" <span class=\"unit\">({})</span>", entry->network.combination().seq);
  }
  const auto below = [&](const std::string& text) {
    cell.html += fmt::format("<br><span class=\"unit\">{}</span>", text);
  };
  if (entry->loss.runs > 1) below(number(entry->loss.least) + "–" + number(entry->loss.greatest));
  if (!entry->ranked) below("no rank");
  return cell;
}

std::string reserve_of(const Results& results, const Network& network) {
  std::string why;
  const int stuck = network.stuck(results.course.unigram);
  const auto failed = [](const CombinationResult* run) { return run->stage == Stage::failed; };
  const auto to_come = [](const CombinationResult* run) { return run->stage == Stage::planned; };
  if (std::ranges::any_of(network.runs, failed)) {
    why = "its loss did not stay finite";
  } else if (std::ranges::any_of(network.runs, to_come)) {
    why = "to come";
  } else if (!network.judged()) {
    why = "too little to judge";
  } else if (network.never_left(results.course.unigram)) {
    why = "never left the unigram";
  } else if (stuck > 0) {
    why = fmt::format("{} of {} seeds never left the unigram", stuck, network.runs.size());
  }
  return why.empty() ? "" : fmt::format("<br><span class=\"note\">{}</span>", why);
}

}  // namespace polonaise::tools

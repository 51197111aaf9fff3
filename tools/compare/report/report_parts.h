#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/compare/report/html.h"
#include "tools/compare/results/network.h"
#include "tools/compare/results/reading.h"
#include "tools/compare/results/results.h"

// The report's parts, each a piece of HTML; report.cpp puts them together.
namespace polonaise::tools {

// Which of a chart's five styles a model has.
int style_of(std::string_view model);
// "LSTM, 48 events", with size and device where there are several.
std::string title_of(const Results& results, const Combination& combination);
// ", 80,000 parameters on cpu": of which networks a table or chart is, where there are several such; else "".
std::string of_scope(const Results& results, const Scope& scope);
// The models of the comparison, in its order.
std::vector<std::string> models_of(const Results& results);
std::vector<int> lengths_of(const Results& results);

// Losses at equal data and at equal time, of the networks of each device and size.
struct Readings {
  Scope scope;
  Reading data, time;
};
std::vector<Readings> readings_of(const Results& results);

// report_tables.cpp
std::string summary_table(const Results& results);
std::string combinations_table(const Results& results);
std::string speed_table(const Results& results);
std::string memory_text(const Results& results);

// report_quality.cpp; "" where there is nothing of the kind.
std::string sizes_part(const Results& results);
std::string target_part(const Results& results);
// What a large gap between the losses of the two splits that are held out comes from.
std::string gap_text(const Results& results);

// report_pieces.cpp
std::string metrics_table(const Results& results);
std::string overlaps_table(const Results& results);
std::string novelty_table(const Results& results);

// report_charts.cpp
std::string legend(const Results& results);
std::string data_charts(const Results& results);
std::string time_charts(const Results& results);
std::string sizes_charts(const Results& results);
std::string speed_charts(const Results& results);

// report_method.cpp
std::string method_part(const Results& results);
std::string environment_part(const Results& results);

// report_cells.cpp: what tables of losses have in their cells.
// A mean, and of several runs least and greatest below it.
HtmlTable::Cell spread_cell(const std::optional<Spread>& value, std::string_view format = "{:.3f}");
// The network of a model (of one size, if not 0) with the lowest loss, of those with a rank, or else of the others;
// null where it has none.
const Reading::Entry* shown_of(const Reading& reading, std::string_view model, std::int64_t parameters = 0);
// An entry's loss, marked where it is the best or level with it; with the length of its windows where wanted.
HtmlTable::Cell loss_cell(const Reading& reading, const Reading::Entry* entry, bool with_length);
// Why a network has no part in the conclusion, or how many of its runs never left the unigram, beneath its name; "".
std::string reserve_of(const Results& results, const Network& network);

// report_music.cpp: the rolls with their buttons, and what the player plays.
struct MusicParts {
  std::string html;
  std::string json;
};
MusicParts music_parts(const Results& results, const std::filesystem::path& folder);

}  // namespace polonaise::tools

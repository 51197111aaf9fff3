#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tools/compare/reading.h"
#include "tools/compare/results.h"

// The report's parts, each a piece of HTML; report.cpp puts them together.
namespace polonaise::tools {

// Which of a chart's five styles a model has.
int style_of(std::string_view model);
// "LSTM, 48 events", with the device where there are several.
std::string title_of(const Results& results, const CombinationResult& combination);
// The models of the comparison, in its order.
std::vector<std::string> models_of(const Results& results);
std::vector<int> lengths_of(const Results& results);

// Losses at equal data and at equal time, on each device.
struct Readings {
  std::string device;
  Reading data, time;
};
std::vector<Readings> readings_of(const Results& results);

// report_tables.cpp
std::string summary_table(const Results& results);
std::string combinations_table(const Results& results);
std::string speed_table(const Results& results);
std::string memory_text(const Results& results);
std::string metrics_table(const Results& results);
std::string overlaps_table(const Results& results);
std::string novelty_table(const Results& results);

// report_charts.cpp
std::string legend(const Results& results);
std::string data_charts(const Results& results);
std::string time_charts(const Results& results);
std::string speed_charts(const Results& results);

// report_music.cpp: the rolls with their buttons, and what the player plays.
struct MusicParts {
  std::string html;
  std::string json;
};
MusicParts music_parts(const Results& results, const std::filesystem::path& folder);

}  // namespace polonaise::tools

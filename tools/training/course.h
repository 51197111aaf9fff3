#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace polonaise::tools {

// What a run's metrics.jsonl tells of its course.
struct Course {
  struct Point {
    std::int64_t step = 0;
    std::int64_t targets = 0;  // learned from until then
    double seconds = 0;        // spent in training steps until then
    double loss = 0;           // nats per event
  };
  std::vector<Point> training, validation;
};

// Lines of other types, and those that are not whole, are passed over; a file that is not there has no points.
Course read_course(const std::filesystem::path& metrics_file);

}  // namespace polonaise::tools

#pragma once

#include <csignal>

namespace polonaise::tools {

// While it lives, the first SIGINT or SIGTERM only sets a mark, so that a job can stop at a good place; a second one
// ends the program. One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool requested() const;

 private:
  struct sigaction old_interrupt_, old_terminate_;
};

}  // namespace polonaise::tools

#pragma once

#include <csignal>

namespace polonaise::tools {

// While an Interrupt lives, the first SIGINT, SIGTERM or SIGHUP only sets a mark, so that a job can stop at a good
// place; a second one ends the program. SIGHUP, which says that the terminal has gone, stays ignored where nohup has it
// so. At most one lives at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool requested() const;

 private:
  struct sigaction old_interrupt_, old_terminate_, old_hangup_;
};

}  // namespace polonaise::tools

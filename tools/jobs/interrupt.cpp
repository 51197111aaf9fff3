#include "tools/jobs/interrupt.h"

namespace polonaise::tools {
namespace {

volatile std::sig_atomic_t requests = 0;

}  // namespace

Interrupt::Interrupt() {
  requests = 0;
  struct sigaction action = {};
  action.sa_handler = [](int) { requests = 1; };
  action.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
  sigaction(SIGINT, &action, &old_interrupt_);
  sigaction(SIGTERM, &action, &old_terminate_);
  sigaction(SIGHUP, nullptr, &old_hangup_);
  if (old_hangup_.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
}

Interrupt::~Interrupt() {
  sigaction(SIGINT, &old_interrupt_, nullptr);
  sigaction(SIGTERM, &old_terminate_, nullptr);
  sigaction(SIGHUP, &old_hangup_, nullptr);
}

bool Interrupt::requested() const {
  return requests != 0;
}

}  // namespace polonaise::tools

#pragma once

#include "kernels/base/view.h"

namespace polonaise::kernels {

// Processors that this process may run on.
int processors();

// Calls body(context, i) for each i in [0, count), on the calling thread and on up to threads - 1 others that wait for
// such work; returns when all calls have. The bodies must be independent of each other and must not throw.
//
// The caller takes tasks like the others and waits only for those that another thread has begun. So where the
// processors are busy with other work, or after a fork that left the others behind, it does all by itself instead of
// waiting for threads to be scheduled; and so does who calls while the team is at work, from inside a body or from
// another thread.
void run_team(int threads, Index count, void (*body)(void* context, Index i), void* context);

}  // namespace polonaise::kernels

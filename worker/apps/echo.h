// The app `echo`: every data message comes back with the same opcode and bytes, through both lanes
// and nothing else. For conformance and latency tests. A message is answered once while its owner
// lives; an owner that dies between the answer and its acknowledgement leads to a second answer.
#pragma once

#include "worker/apps/app.h"

namespace mr {

AppFactory echo_app();

} // namespace mr

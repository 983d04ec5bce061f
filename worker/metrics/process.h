// CPU, memory and files of this process, out of /proc (proc(5)). Linux alone.
#pragma once

namespace mr::metrics {

struct Meters;

// Sets the process_* gauges. What cannot be read stays as it is.
void look_at_process(Meters& meters);

// Processor time of the thread that calls, in seconds. On any thread.
double thread_cpu_seconds() noexcept;

} // namespace mr::metrics

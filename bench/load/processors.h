// Which processors threads may run on. Waking a thread on another one costs more than on the same,
// on a virtual machine many times more: where everybody runs is part of what was measured.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace mr::bench {

using Processors = std::vector<unsigned>; // their numbers, ascending, each once

// "0", "0-3", "0,2". Throws std::runtime_error that says what is wrong with it.
Processors read_processors(const std::string& list);
std::string to_string(const Processors& processors); // "0,2,3"

// Those that this process may use.
Processors own_processors();
// Holds all threads of a process to them, and those that they start later. Throws
// std::runtime_error.
void hold_to(pid_t pid, const Processors& processors);

} // namespace mr::bench

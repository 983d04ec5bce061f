// Files that configuration names: keys, schemas, lists. Read whole, up to a limit. Blocking: for
// the start of the process.
#pragma once

#include <cstddef>
#include <string>

namespace mr {

// Throws std::runtime_error that says why there are no contents, without the path and without
// anything of them: "it cannot be read", "it is larger than 4096 bytes".
std::string read_small_file(const std::string& path, std::size_t max_bytes);

} // namespace mr

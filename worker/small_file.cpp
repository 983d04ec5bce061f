#include "worker/small_file.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace mr {

std::string read_small_file(const std::string& path, std::size_t max_bytes) {
    std::ifstream file(path, std::ios::binary);
    std::string text(max_bytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    if (!file.eof()) {
        throw std::runtime_error(text.empty()
                                     ? "it cannot be read"
                                     : "it is larger than " + std::to_string(max_bytes) + " bytes");
    }
    return text;
}

} // namespace mr

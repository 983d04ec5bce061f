// What the tests of settings share.
#pragma once

#include "worker/settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace mr {

inline std::string error_of(const RawSettings& layer) {
    try {
        const RawSettings layers[] = {layer};
        make_settings(layers);
    } catch (const SettingsError& error) {
        return error.what();
    }
    return "";
}

class TempFile {
  public:
    explicit TempFile(const std::string& text) {
        const int fd = mkstemp(path_);
        EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
        close(fd);
    }
    ~TempFile() { std::remove(path_); }
    std::string path() const { return path_; }

  private:
    char path_[32] = "/tmp/mr-settings-XXXXXX";
};

} // namespace mr

// A pipeline of commands, encoded as they are added: nothing given to add() needs to live on.
#pragma once

#include "shared/resp.h"

#include <initializer_list>
#include <new>
#include <span>
#include <string>
#include <string_view>

namespace mr::redis {

class Commands {
  public:
    Commands() = default;
    explicit Commands(std::initializer_list<std::string_view> parts) { add(parts); }

    void add(std::span<const std::string_view> parts) {
        if (!encode_command(bytes_, parts)) {
            throw std::bad_alloc();
        }
        ++count_;
    }
    void add(std::initializer_list<std::string_view> parts) {
        add(std::span<const std::string_view>(parts.begin(), parts.size()));
    }

    // One that is encoded already, but for the number of its parts in front.
    void add_encoded(size_t parts, std::string_view bytes) {
        const std::string head = "*" + std::to_string(parts) + "\r\n";
        const size_t size = bytes_.size() + head.size() + bytes.size();
        if ((size > bytes_.capacity() && !bytes_.grow_to(size)) ||
            !bytes_.append(std::string_view(head)) || !bytes_.append(bytes)) {
            throw std::bad_alloc();
        }
        ++count_;
    }

    size_t count() const { return count_; }
    ByteView bytes() const { return bytes_.view(); }

  private:
    Buffer bytes_;
    size_t count_ = 0;
};

} // namespace mr::redis

// Connections that do nothing, held by processes of their own: what they cost the generator is not
// in its figures, and one process need not have a descriptor for each of them.
#pragma once

#include "bench/tool/common.h"

#include <sys/types.h>

#include <string>
#include <vector>

namespace mr::bench {

class Bystanders {
  public:
    Bystanders(const Common& common, uint64_t count) : common_(common), count_(count) {}
    ~Bystanders() { close(); }
    Bystanders(const Bystanders&) = delete;
    Bystanders& operator=(const Bystanders&) = delete;

    // Forks and returns when all are greeted; there must be no loop and no thread. Throws
    // std::runtime_error that says what the first of them met.
    void open();
    void close();    // all at once
    uint64_t lost(); // connections that the server has ended; they came back
    size_t processes() const { return holders_.size(); }
    double private_kib() const; // of all of them

  private:
    struct Holder {
        pid_t pid;
        int pipe;         // what it says: a line for each thing
        std::string rest; // of a line
        bool ready = false;
    };

    Holder start(uint64_t count, double rate);
    bool hear(Holder& holder, bool wait); // false: nothing more was said so far
    void take(Holder& holder, const std::string& line);

    const Common& common_;
    const uint64_t count_;
    uint64_t lost_ = 0;
    std::vector<Holder> holders_;
};

} // namespace mr::bench

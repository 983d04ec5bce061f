// onnxruntime, where its library is present: loads it, loads models, runs them on the caller's
// thread. Owns the library, the models in memory and the values that go in and out; knows nothing
// of speech. Everything here blocks: not for the event loop.
//
// Errors are thrown as Error, for logs: file, cause, cure.
#pragma once

#include "worker/voice/onnx/api.h"

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace mr::voice::onnx {

class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// Throws unless it is a file: with what brings it, or what voice does without.
void require_file(const std::filesystem::path& file);

// One per process is enough: models, and threads that run them, share it.
class Runtime {
  public:
    // Once loaded, a library stays in the process: it has threads' own data that outlives ours.
    static std::shared_ptr<const Runtime> load(const std::filesystem::path& library);
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    const std::string& version() const noexcept { return version_; } // "1.18.0"

    // For the classes below.
    const OrtApi& api() const noexcept { return *api_; }
    const OrtEnv* env() const noexcept { return env_; }
    const OrtMemoryInfo* memory() const noexcept { return memory_; }
    void check(OrtStatus* status, const std::string& doing) const; // throws, and frees it

  private:
    Runtime(const OrtApi& api, std::string version);

    const OrtApi* api_;
    std::string version_;
    OrtEnv* env_ = nullptr;
    OrtMemoryInfo* memory_ = nullptr;
};

// A tensor. Empty, it is a place for what a run yields.
class Value {
  public:
    Value() = default;
    Value(Value&& other) noexcept;
    Value& operator=(Value&& other) noexcept;
    ~Value();

    // Views of the caller's memory, which has to outlive them and stay where it is.
    static Value view(const Runtime& runtime, std::span<float> data,
                      std::initializer_list<int64_t> shape);
    static Value view(const Runtime& runtime, std::span<int64_t> data,
                      std::initializer_list<int64_t> shape);
    static Value view(const Runtime& runtime, bool& data);

    explicit operator bool() const noexcept { return value_ != nullptr; }
    std::span<const float> floats() const; // throws where it holds anything else

  private:
    friend class Model;
    Value(const Runtime& runtime, OrtValue* value) : runtime_(&runtime), value_(value) {}
    static Value of(const Runtime& runtime, void* data, size_t bytes,
                    std::initializer_list<int64_t> shape, ElementType type);

    const Runtime* runtime_ = nullptr;
    OrtValue* value_ = nullptr;
};

// Weights and their graph. Any number of threads run one model at a time, each on its own; nothing
// is kept between two runs.
class Model {
  public:
    Model(std::shared_ptr<const Runtime> runtime, const std::filesystem::path& file);
    ~Model();
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;

    const Runtime& runtime() const noexcept { return *runtime_; }
    size_t inputs() const noexcept { return inputs_; }
    size_t outputs() const noexcept { return outputs_; }

    // Names and values go in pairs. An output that holds a value already gets its data there, and
    // has to have the right shape; an empty one gets a new value.
    struct Input {
        const char* name;
        const Value* value;
    };
    struct Output {
        const char* name;
        Value* value;
    };
    // A model keeps what its largest run took, for the next. With Memory::give_back all but a first
    // share is returned: for what is larger than usual.
    enum class Memory : uint8_t { keep, give_back };
    void run(std::span<const Input> inputs, std::span<const Output> outputs,
             Memory memory = Memory::keep) const;

    // Throws unless the model has so many inputs and outputs: another model bears the file's name.
    void expect(size_t inputs, size_t outputs) const;

  private:
    std::shared_ptr<const Runtime> runtime_;
    std::filesystem::path file_;
    OrtSession* session_ = nullptr;
    size_t inputs_ = 0;
    size_t outputs_ = 0;
};

} // namespace mr::voice::onnx

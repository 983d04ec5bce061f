#include "worker/voice/onnx/runtime.h"

#include <dlfcn.h>
#include <elf.h>

#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

// The library locks by means of its own, which ThreadSanitizer, not being in it, takes for none.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
extern "C" const char* __tsan_default_suppressions() {
    return "race:libonnxruntime.so\n";
}
#endif
#endif

namespace mr::voice::onnx {
namespace {

constexpr const char* kCure = "; ./mr run fetches it anew once it is removed";

// The loader maps a library without asking whether the file has all of it: one that was copied in
// part kills the process. The table of sections stands last.
bool is_cut_off(const std::filesystem::path& library) {
    Elf64_Ehdr header{};
    std::ifstream file(library, std::ios::binary);
    if (!file.read(reinterpret_cast<char*>(&header), sizeof header) ||
        std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
        return false; // not a library at all, which the loader does see
    }
    std::error_code failed;
    const uint64_t size = std::filesystem::file_size(library, failed);
    const uint64_t sections = uint64_t{header.e_shnum} * header.e_shentsize;
    return failed || header.e_shoff > size || sections > size - header.e_shoff;
}

} // namespace

void require_file(const std::filesystem::path& file) {
    std::error_code failed;
    if (!std::filesystem::is_regular_file(file, failed)) {
        throw Error(file.string() + " is not there; ./mr run fetches it (needs npm), and "
                                    "docs/voice.md says what voice does without");
    }
}

std::shared_ptr<const Runtime> Runtime::load(const std::filesystem::path& library) {
    require_file(library);
    if (is_cut_off(library)) {
        throw Error(library.string() + " cannot be loaded: its end is missing" + kCure);
    }
    // Local: whatever it brings along (protobuf, abseil) is nobody else's.
    void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        const char* why = dlerror();
        throw Error(library.string() + " cannot be loaded: " + (why != nullptr ? why : "unknown") +
                    kCure);
    }
    auto entry = reinterpret_cast<EntryPoint>(dlsym(handle, kEntryPoint));
    if (entry == nullptr) {
        dlclose(handle);
        throw Error(library.string() + " is not onnxruntime: it has no " + kEntryPoint + kCure);
    }
    const OrtApiBase* base = entry();
    std::string version = base->GetVersionString();
    const OrtApi* api = base->GetApi(kApiVersion);
    if (api == nullptr) {
        throw Error(library.string() + " is onnxruntime " + version + ", which lacks API version " +
                    std::to_string(kApiVersion) + "; use 1.18 or later");
    }
    return std::shared_ptr<const Runtime>(new Runtime(*api, std::move(version)));
}

Runtime::Runtime(const OrtApi& api, std::string version)
    : api_(&api), version_(std::move(version)) {
    // It logs to stderr, past our log; whatever matters comes back as a status.
    check(api_->CreateEnv(kLogFatal, "mr-worker", &env_), "starting onnxruntime");
    check(api_->DisableTelemetryEvents(env_), "starting onnxruntime");
    check(api_->CreateCpuMemoryInfo(kDeviceAllocator, kDefaultMemory, &memory_),
          "starting onnxruntime");
}

Runtime::~Runtime() {
    api_->ReleaseMemoryInfo(memory_);
    api_->ReleaseEnv(env_);
}

void Runtime::check(OrtStatus* status, const std::string& doing) const {
    if (status == nullptr) {
        return;
    }
    std::string what = doing + " failed: " + api_->GetErrorMessage(status);
    api_->ReleaseStatus(status);
    throw Error(what);
}

// ------------------------------------------------------------------------------------------------

Value::Value(Value&& other) noexcept
    : runtime_(other.runtime_), value_(std::exchange(other.value_, nullptr)) {}

Value& Value::operator=(Value&& other) noexcept {
    std::swap(runtime_, other.runtime_);
    std::swap(value_, other.value_);
    return *this;
}

Value::~Value() {
    if (value_ != nullptr) {
        runtime_->api().ReleaseValue(value_);
    }
}

Value Value::of(const Runtime& runtime, void* data, size_t bytes,
                std::initializer_list<int64_t> shape, ElementType type) {
    OrtValue* value = nullptr;
    runtime.check(runtime.api().CreateTensorWithDataAsOrtValue(
                      runtime.memory(), data, bytes, shape.begin(), shape.size(), type, &value),
                  "making a tensor");
    return Value(runtime, value);
}

Value Value::view(const Runtime& runtime, std::span<float> data,
                  std::initializer_list<int64_t> shape) {
    return of(runtime, data.data(), data.size_bytes(), shape, kFloat32);
}

Value Value::view(const Runtime& runtime, std::span<int64_t> data,
                  std::initializer_list<int64_t> shape) {
    return of(runtime, data.data(), data.size_bytes(), shape, kInt64);
}

Value Value::view(const Runtime& runtime, bool& data) {
    static_assert(sizeof(bool) == 1);
    return of(runtime, &data, 1, {1}, kBool);
}

std::span<const float> Value::floats() const {
    if (value_ == nullptr) {
        throw Error("a model yielded no tensor");
    }
    const OrtApi& api = runtime_->api();
    OrtTensorTypeAndShapeInfo* info = nullptr;
    runtime_->check(api.GetTensorTypeAndShape(value_, &info), "reading a tensor");
    ElementType type{};
    size_t count = 0;
    OrtStatus* typed = api.GetTensorElementType(info, &type);
    OrtStatus* counted = api.GetTensorShapeElementCount(info, &count);
    api.ReleaseTensorTypeAndShapeInfo(info);
    runtime_->check(typed, "reading a tensor");
    runtime_->check(counted, "reading a tensor");
    if (type != kFloat32) {
        throw Error("a model yielded numbers of another type than float32");
    }
    void* data = nullptr;
    runtime_->check(api.GetTensorMutableData(value_, &data), "reading a tensor");
    return {static_cast<const float*>(data), count};
}

} // namespace mr::voice::onnx

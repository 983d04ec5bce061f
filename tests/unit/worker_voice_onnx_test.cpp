// The loader of onnxruntime and of models: what is missing, broken or something else is told apart,
// by name and with the cure.
#include "tests/unit/worker_voice_speech.h"
#include "worker/voice/moonshine/moonshine.h"
#include "worker/voice/onnx/runtime.h"
#include "worker/voice/silero/silero.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iostream>

namespace mr::test {
namespace {

using namespace speech;

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using voice::onnx::Runtime;

std::string error_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const voice::onnx::Error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

// A folder of the test's own.
class VoiceOnnx : public testing::Test {
  protected:
    VoiceOnnx() {
        std::string pattern = testing::TempDir() + "mr-voice-XXXXXX";
        folder_ = mkdtemp(pattern.data());
    }
    ~VoiceOnnx() override { fs::remove_all(folder_); }

    void write(const fs::path& name, std::string_view text) {
        std::ofstream(folder_ / name, std::ios::binary) << text;
    }

    fs::path folder_;
};

// The same with the real library; skipped where that is absent.
class VoiceOnnxModels : public VoiceOnnx {
  protected:
    void SetUp() override {
        if (const std::string lacks = voice_lacks(); !lacks.empty()) {
            GTEST_SKIP() << lacks;
        }
        runtime_ = Runtime::load(voice_files() / "libonnxruntime.so");
    }

    std::shared_ptr<const Runtime> runtime_;
};

TEST_F(VoiceOnnx, MissingLibraryIsNamedWithItsCure) {
    const std::string error = error_of([&] { Runtime::load(folder_ / "libonnxruntime.so"); });
    EXPECT_THAT(error, AllOf(HasSubstr((folder_ / "libonnxruntime.so").string()),
                             HasSubstr("is not there"), HasSubstr("./mr run fetches it")));
}

TEST_F(VoiceOnnx, FolderInTheLibrarysPlaceIsMissing) {
    EXPECT_THAT(error_of([&] { Runtime::load(folder_); }), HasSubstr("is not there"));
}

TEST_F(VoiceOnnx, FileThatIsNoLibraryCannotBeLoaded) {
    write("libonnxruntime.so", "this is text");
    EXPECT_THAT(error_of([&] { Runtime::load(folder_ / "libonnxruntime.so"); }),
                AllOf(HasSubstr("cannot be loaded"), HasSubstr("once it is removed")));
}

TEST_F(VoiceOnnx, AnotherLibraryIsNotTakenForIt) {
    Dl_info runtime{}; // of C++: whatever watches this program, it is a file of its own
    ASSERT_NE(dladdr(&std::cout, &runtime), 0);
    const fs::path path = fs::canonical(runtime.dli_fname);
    EXPECT_THAT(error_of([&] { Runtime::load(path); }), HasSubstr("is not onnxruntime"));
}

TEST_F(VoiceOnnxModels, LibraryWithoutItsEndIsNotLoaded) {
    const fs::path whole = voice_files() / "libonnxruntime.so";
    const fs::path part = folder_ / "libonnxruntime.so";
    for (const uintmax_t size : {fs::file_size(whole) - 1, fs::file_size(whole) / 2}) {
        fs::copy_file(whole, part, fs::copy_options::overwrite_existing);
        fs::resize_file(part, size);
        EXPECT_THAT(error_of([&] { Runtime::load(part); }),
                    AllOf(HasSubstr("its end is missing"), HasSubstr("once it is removed")));
    }
    fs::resize_file(part, 10);
    EXPECT_THAT(error_of([&] { Runtime::load(part); }), HasSubstr("cannot be loaded"));
}

TEST_F(VoiceOnnxModels, MissingWeightsAreNamed) {
    EXPECT_THAT(error_of([&] { voice::load_silero(runtime_, {folder_ / "silero_vad_v5.onnx"}); }),
                AllOf(HasSubstr("silero_vad_v5.onnx is not there"), HasSubstr("./mr run")));
    EXPECT_THAT(error_of([&] { voice::load_moonshine(runtime_, {.folder = folder_}); }),
                HasSubstr("encoder_model.onnx is not there"));
}

TEST_F(VoiceOnnxModels, TruncatedWeightsAreNoModel) {
    const fs::path whole = voice_files() / "silero/silero_vad_v5.onnx";
    const fs::path half = folder_ / "half.onnx";
    fs::copy_file(whole, half);
    fs::resize_file(half, fs::file_size(whole) / 2);
    EXPECT_THAT(error_of([&] { voice::load_silero(runtime_, {half}); }),
                AllOf(HasSubstr("half.onnx is no model that can be loaded"),
                      HasSubstr("once it is removed")));
    write("empty.onnx", "");
    EXPECT_THAT(error_of([&] { voice::load_silero(runtime_, {folder_ / "empty.onnx"}); }),
                HasSubstr("is no model that can be loaded"));
}

TEST_F(VoiceOnnxModels, AnotherModelIsNotTakenForTheOneMeant) {
    const fs::path silero = voice_files() / "silero/silero_vad_v5.onnx";
    const fs::path encoder = voice_files() / "moonshine/encoder_model.onnx";
    EXPECT_THAT(error_of([&] { voice::load_silero(runtime_, {encoder}); }),
                HasSubstr("is another model: it has 1 inputs and 1 outputs, not 3 and 2"));
    fs::copy_file(silero, folder_ / "encoder_model.onnx");
    fs::copy_file(silero, folder_ / "decoder_model_merged.onnx");
    fs::copy_file(voice_files() / "moonshine/vocabulary.txt", folder_ / "vocabulary.txt");
    EXPECT_THAT(error_of([&] { voice::load_moonshine(runtime_, {.folder = folder_}); }),
                HasSubstr("is another model"));
}

TEST_F(VoiceOnnxModels, AFailedRunSaysWhichModelAndLeavesItUsable) {
    const voice::onnx::Model encoder(runtime_, voice_files() / "moonshine/encoder_model.onnx");
    std::vector<float> sound(16'000);
    const auto run = [&](size_t samples) {
        const auto value = voice::onnx::Value::view(*runtime_, std::span(sound).first(samples),
                                                    {1, static_cast<int64_t>(samples)});
        voice::onnx::Value hidden;
        const voice::onnx::Model::Input in{"input_values", &value};
        const voice::onnx::Model::Output out{"last_hidden_state", &hidden};
        encoder.run({&in, 1}, {&out, 1});
        return hidden.floats().size();
    };
    EXPECT_THAT(error_of([&] { run(8); }), HasSubstr("running encoder_model.onnx failed"));
    EXPECT_EQ(run(16'000) % 288, 0U);
}

TEST_F(VoiceOnnxModels, LoadedTwiceItIsOneLibrary) {
    const auto again = Runtime::load(voice_files() / "libonnxruntime.so");
    EXPECT_EQ(&again->api(), &runtime_->api());
    EXPECT_FALSE(again->version().empty());
}

} // namespace
} // namespace mr::test

// Does every input that was ever found, and every seed, still do no harm? A main() for a fuzzer
// without libFuzzer: each file of the directory named goes through its entry point once, whole, and
// for what stands at any length, cut there.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void feed(const std::string& bytes) {
  // A copy of just that size: a sanitizer sees a read beyond it.
  const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::size_t kCutsMax = 4096;
  std::vector<std::filesystem::path> files;
  if (argc == 2) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  for (const std::filesystem::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    std::printf("%s, %zu bytes\n", file.filename().c_str(), bytes.size());
    std::fflush(stdout);  // it names the input that ends this process
    feed(bytes);
    for (std::size_t length = 0; length < std::min(bytes.size(), kCutsMax); ++length) {
      feed(bytes.substr(0, length));
    }
  }
  if (files.empty()) std::fprintf(stderr, "usage: replay DIRECTORY (with inputs in it)\n");
  return files.empty() ? 2 : 0;
}

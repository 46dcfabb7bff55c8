// Asks TensorFlow's own loader for the libraries of NVIDIA that it would load on a GPU, which needs none. The driver's libcuda.so
// comes from the host, so that it is not asked for.
#include <cstdio>
#include <string>

#include "xla/tsl/platform/default/dso_loader.h"

int main() {
  namespace loader = tsl::internal::DsoLoader;
  const struct {
    const char* name;
    absl::StatusOr<void*> handle;
  } libraries[] = {
      {"CUDA runtime", loader::GetCudaRuntimeDsoHandle()}, {"cuBLAS", loader::GetCublasDsoHandle()},
      {"cuBLASLt", loader::GetCublasLtDsoHandle()},        {"cuDNN", loader::GetCudnnDsoHandle()},
      {"cuFFT", loader::GetCufftDsoHandle()},              {"cuSOLVER", loader::GetCusolverDsoHandle()},
      {"cuSPARSE", loader::GetCusparseDsoHandle()},        {"CUPTI", loader::GetCuptiDsoHandle()},
      {"NCCL", loader::GetNcclDsoHandle()},
  };
  int missing = 0;
  for (const auto& [name, handle] : libraries) {
    if (handle.ok()) continue;
    ++missing;
    std::fprintf(stderr, "%s: %s\n", name, std::string(handle.status().message()).c_str());
  }
  return missing == 0 && loader::MaybeTryDlopenGPULibraries().ok() ? 0 : 1;
}

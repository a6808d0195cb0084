#include "model/summary.h"

namespace coldload::model {

Summary summarize(const std::vector<ShardHeader>& headers) {
  Summary summary;
  for (const ShardHeader& header : headers) {
    for (const Tensor& tensor : header.tensors()) {
      ++summary.tensors;
      summary.tensor_bytes += tensor.bytes();
      DtypeTotal& total = summary.dtypes[static_cast<std::size_t>(tensor.dtype)];
      ++total.tensors;
      total.bytes += tensor.bytes();
      if (summary.largest == nullptr || tensor.bytes() > summary.largest->bytes()) {
        summary.largest = &tensor;
        summary.largest_shard = &header;
      }
    }
  }
  return summary;
}

}  // namespace coldload::model

"""fastsafetensors, all shards at once; the tensors share its device memory, none is copied again.

Options are SafeTensorsFileLoader's own. Without /dev/nvidia-fs0 the default falls back to its
reader without GPUDirect, with O_DIRECT unless FASTSAFETENSORS_ODIRECT=0.
`bbuf_size_kb` is the whole pool: a block is that divided by twice the threads.
"""

from fastsafetensors import SafeTensorsFileLoader, SingleGroup


def load(paths, device, **options):
    loader = SafeTensorsFileLoader(SingleGroup(), device, **options)
    loader.add_filenames({0: list(paths)})
    buffers = loader.copy_files_to_device()
    tensors = {name: buffers.get_tensor(name) for name in loader.get_keys()}

    def close():
        buffers.close()
        loader.close()

    return tensors, close

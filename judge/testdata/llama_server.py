"""llama.cpp's server (PyPI xllamacpp) for the test of package judge: python llama_server.py FILE.gguf

Prints its address, and ends with its standard input.
"""

import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.port, params.hostnames = 0, ["127.0.0.1"]
params.n_parallel, params.n_ctx, params.n_gpu_layers, params.warmup = 1, 2048, 0, False
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()

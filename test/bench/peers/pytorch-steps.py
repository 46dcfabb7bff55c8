"""PyTorch: training steps of a dense network with ReLU, squared error and Adam over gathered batches.

Modes: `eager`; `fused`, with Adam over all parameters in one kernel, or in one call per operation where a build lacks that
kernel; `compiled`, with `torch.compile` over forward, backward and Adam, which needs a C++ compiler.
"""

import os

from protocol import serve

THREADS = len(os.sched_getaffinity(0))


def load():
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    import torch

    torch.set_num_threads(THREADS)

    def network(widths, device):
        made = []
        for index in range(len(widths) - 1):
            made.append(torch.nn.Linear(widths[index], widths[index + 1]))
            if index < len(widths) - 2:
                made.append(torch.nn.ReLU())
        return torch.nn.Sequential(*made).to(device)

    def adam(net, mode):
        if mode == "eager":
            return torch.optim.Adam(net.parameters(), lr=1e-3)
        try:
            return torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
        except RuntimeError:
            return torch.optim.Adam(net.parameters(), lr=1e-3, foreach=True)

    def prepare(mode, widths, batch, device):
        rows = max(4096, batch)
        x = torch.randn(rows, widths[0], device=device)
        y = torch.randn(rows, widths[-1], device=device)
        indices = torch.randint(0, rows, (64, batch), device=device)
        net = network(widths, device)
        optimizer = adam(net, mode)

        def step(chosen):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(net(x[chosen]), y[chosen])
            loss.backward()
            optimizer.step()

        if mode == "compiled":
            torch._dynamo.reset()
            step = torch.compile(step)

        def run(count):
            for index in range(count):
                step(indices[index % 64])
            if device == "cuda":
                torch.cuda.synchronize()

        return run

    def product(m, k, n):
        a, b = torch.ones(m, k), torch.ones(k, n)

        def run(count):
            for _ in range(count):
                a @ b

        return run

    modes = ["eager", "fused"] + (["compiled"] if hasattr(torch, "compile") else [])
    hello = {"library": "PyTorch", "version": torch.__version__, "modes": modes, "cuda": torch.cuda.is_available()}
    return hello, prepare, product


serve(load)

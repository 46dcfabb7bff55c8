"""PyTorch: training steps of a dense network with ReLU, squared error and Adam over gathered batches.

Modes: `eager`; `fused`, with Adam over all parameters in one kernel, or in one call per operation where a build lacks that
kernel; `compiled`, where `torch.compile` makes one graph of gather, forward, backward and Adam, which needs a C++ compiler.
Compiling a functional step is several times faster than compiling the module and the optimizer.
"""

import os

from protocol import serve

THREADS = len(os.sched_getaffinity(0))


def load():
    # In this process, so that nothing computes between requests.
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    import torch

    torch.set_num_threads(THREADS)

    def module_step(mode, widths, x, y, device):
        layers = []
        for index in range(len(widths) - 1):
            layers.append(torch.nn.Linear(widths[index], widths[index + 1]))
            if index < len(widths) - 2:
                layers.append(torch.nn.ReLU())
        net = torch.nn.Sequential(*layers).to(device)
        optimizer = adam(net.parameters(), mode)

        def step(chosen):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(net(x[chosen]), y[chosen]).backward()
            optimizer.step()

        return step

    def adam(parameters, mode):
        parameters = list(parameters)
        if mode == "eager":
            return torch.optim.Adam(parameters, lr=1e-3)
        try:
            return torch.optim.Adam(parameters, lr=1e-3, fused=True)
        except RuntimeError:
            return torch.optim.Adam(parameters, lr=1e-3, foreach=True)

    def loss_of(parameters, x, y):
        for index in range(0, len(parameters), 2):
            x = x @ parameters[index] + parameters[index + 1]
            if index < len(parameters) - 2:
                x = torch.relu(x)
        return ((x - y) ** 2).mean()

    def compiled_step(widths, x, y, device):
        rate, beta1, beta2, epsilon = 1e-3, 0.9, 0.999, 1e-8
        gradients_of = torch.func.grad(loss_of)

        def adam_step(parameters, means, squares, count, chosen):
            gradients = gradients_of(parameters, x[chosen], y[chosen])
            count = count + 1
            first, second = 1 - beta1**count, 1 - beta2**count
            means = [beta1 * m + (1 - beta1) * g for m, g in zip(means, gradients)]
            squares = [beta2 * v + (1 - beta2) * g * g for v, g in zip(squares, gradients)]
            parameters = [
                p - rate * (m / first) / ((v / second).sqrt() + epsilon)
                for p, m, v in zip(parameters, means, squares)
            ]
            return parameters, means, squares, count

        torch._dynamo.reset()
        graph = torch.compile(adam_step, fullgraph=True)
        parameters = []
        for fan, width in zip(widths, widths[1:]):
            parameters += [torch.randn(fan, width, device=device) * (2 / fan) ** 0.5, torch.zeros(width, device=device)]
        means, squares = ([torch.zeros_like(parameter) for parameter in parameters] for _ in range(2))
        state = (parameters, means, squares, torch.zeros((), device=device))

        def step(chosen):
            nonlocal state
            with torch.no_grad():
                state = graph(*state, chosen)

        return step

    def prepare(mode, widths, batch, device):
        rows = max(4096, batch)
        x = torch.randn(rows, widths[0], device=device)
        y = torch.randn(rows, widths[-1], device=device)
        indices = torch.randint(0, rows, (64, batch), device=device)
        step = compiled_step(widths, x, y, device) if mode == "compiled" else module_step(mode, widths, x, y, device)

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

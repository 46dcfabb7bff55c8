"""Times PyTorch eager training steps: a dense network with ReLU, squared error and Adam over gathered batches.

Reads one JSON request per line: {"widths": [8, 64, 1], "batch": 64, "threads": 1, "device": "cpu", "seconds": 0.5}
Reports the fastest stretch of about ten milliseconds. Writes one JSON response per line: {"microsPerStep": 583.0}
"""

import json
import sys
import time

import torch


def layers(widths):
    made = []
    for index in range(len(widths) - 1):
        made.append(torch.nn.Linear(widths[index], widths[index + 1]))
        if index < len(widths) - 2:
            made.append(torch.nn.ReLU())
    return torch.nn.Sequential(*made)


def measure(request):
    widths, batch, device = request["widths"], request["batch"], request["device"]
    torch.set_num_threads(request["threads"])
    rows = max(4096, batch)
    x = torch.randn(rows, widths[0], device=device)
    y = torch.randn(rows, widths[-1], device=device)
    indices = torch.randint(0, rows, (64, batch), device=device)
    net = layers(widths).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    loss_of = torch.nn.MSELoss()

    def step(index):
        chosen = indices[index % 64]
        optimizer.zero_grad()
        loss = loss_of(net(x[chosen]), y[chosen])
        loss.backward()
        optimizer.step()
        return loss

    def wait():
        if device == "cuda":
            torch.cuda.synchronize()

    for index in range(3):
        step(index)
    wait()
    best, block, start = float("inf"), 1, time.perf_counter()
    while time.perf_counter() - start < request["seconds"]:
        before = time.perf_counter()
        for index in range(block):
            step(index)
        wait()
        elapsed = time.perf_counter() - before
        best = min(best, elapsed * 1e6 / block)
        if elapsed < 0.012:
            block *= 2
    return best


print(json.dumps({"version": torch.__version__, "cuda": torch.cuda.is_available()}), flush=True)
for line in sys.stdin:
    print(json.dumps({"microsPerStep": measure(json.loads(line))}), flush=True)

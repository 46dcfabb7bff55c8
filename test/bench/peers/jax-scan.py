"""JAX: training steps of a dense network with ReLU, squared error and Adam, many in one call of `jit(lax.scan)`.

The data stay on the device, and the body gathers each batch by index. The number of threads is that of the processors in the
affinity mask: XLA's flags alone do not limit it.
"""

import os

from protocol import serve

THREADS = len(os.sched_getaffinity(0))


def load():
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if THREADS > 1 else 'false'}"
    import jax
    import jax.numpy as jnp

    rate, beta1, beta2, epsilon = 1e-3, 0.9, 0.999, 1e-8

    def loss_of(parameters, x, y):
        for index, (kernel, bias) in enumerate(parameters):
            x = x @ kernel + bias
            if index < len(parameters) - 1:
                x = jax.nn.relu(x)
        return jnp.mean((x - y) ** 2)

    def adam(state, gradients):
        parameters, means, squares, count = state
        count = count + 1
        each = jax.tree_util.tree_map
        means = each(lambda m, g: beta1 * m + (1 - beta1) * g, means, gradients)
        squares = each(lambda v, g: beta2 * v + (1 - beta2) * g * g, squares, gradients)
        first, second = 1 - beta1**count, 1 - beta2**count
        parameters = each(
            lambda p, m, v: p - rate * (m / first) / (jnp.sqrt(v / second) + epsilon), parameters, means, squares
        )
        return parameters, means, squares, count

    def prepare(mode, widths, batch, device):
        key = jax.random.PRNGKey(0)
        rows = max(4096, batch)
        x = jax.random.normal(key, (rows, widths[0]))
        y = jax.random.normal(key, (rows, widths[-1]))
        parameters = [
            (jax.random.normal(key, (widths[i], widths[i + 1])) * (2 / widths[i]) ** 0.5, jnp.zeros(widths[i + 1]))
            for i in range(len(widths) - 1)
        ]

        def zeros():
            return jax.tree_util.tree_map(jnp.zeros_like, parameters)

        def step(state, index):
            loss, gradients = jax.value_and_grad(loss_of)(state[0], x[index], y[index])
            return adam(state, gradients), loss

        chunk = jax.jit(lambda state, indices: jax.lax.scan(step, state, indices), donate_argnums=0)
        state = (parameters, zeros(), zeros(), jnp.float32(0))
        indices = {}

        def run(count):
            nonlocal state
            if count not in indices:
                indices.clear()
                indices[count] = jax.random.randint(key, (count, batch), 0, rows)
            state, losses = chunk(state, indices[count])
            losses.block_until_ready()

        return run

    def product(m, k, n):
        a, b = jnp.ones((m, k)), jnp.ones((k, n))
        dot = jax.jit(lambda a, b: a @ b)

        def run(count):
            for _ in range(count):
                dot(a, b).block_until_ready()

        return run

    return {"library": "JAX", "version": jax.__version__, "modes": ["scan"], "cuda": False}, prepare, product


serve(load)

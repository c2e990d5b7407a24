#!/usr/bin/env python3
"""Sharpness along a training, ours beside JAX's: the perceptron of `super-consistency` from the same weights and data.

  python3 benches/peers_sharpness.py --peers DIR [--width 512] [--repeat 3] [--work target/peers] [--out FILE.md]

DIR holds the peers' harness, as for peers.py; of it only requirements-jaxnew.txt is read. The first call makes a virtual
environment below --work.

A rectifier network 64-N-N-10 in muP, 256 of the digits, squared error, 300 steps of full-batch descent at eta_0 = 1, f32, and
every 20 steps the largest eigenvalue of D^1/2 H D^1/2 to a relative residual of 5e-3, begun from the last vector. JAX: steps in
one compiled scan, power iteration on a compiled `linearize`. Ours: `ntk train`. Both from the start of a process, in turn.
"""
import gzip
import json
import os
import resource
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
STARTED = time.perf_counter()
STEPS, EVERY, TOLERANCE, MOST = 300, 20, 5e-3, 200


def as_peer(folder):
    """The training with JAX."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    x, y = (jnp.asarray(np.load(os.path.join(folder, name))) for name in ("x.npy", "y.npy"))
    stored = np.load(os.path.join(folder, "w.npz"))
    w = [jnp.asarray(stored[f"W{l}"]) for l in range(3)]
    width = w[0].shape[1]
    scales = [np.sqrt(2 / 64), np.sqrt(2 / width), 1 / width]  # the read-out: 1/sqrt(N), over gamma = sqrt(N)

    def loss(w):
        a = jax.nn.relu(scales[0] * x @ w[0])
        a = jax.nn.relu(scales[1] * a @ w[1])
        return 0.5 * ((scales[2] * a @ w[2] - y) ** 2).sum() / x.shape[0]

    gradient = jax.grad(loss)

    @jax.jit
    def steps(w):
        return jax.lax.scan(lambda w, _: ([a - width * g for a, g in zip(w, gradient(w))], None), w, None, EVERY)[0]

    dot = lambda a, b: sum(jnp.vdot(p, q) for p, q in zip(a, b))

    @jax.jit
    def sharpness(w, v):
        """Power iteration in one compiled loop."""
        hvp = jax.linearize(gradient, w)[1]

        def turn(state):
            v, _, _, count = state
            h = [width * q for q in hvp(v)]
            value, square = dot(v, h), dot(h, h)
            residual = jnp.sqrt(jnp.maximum(square - value * value, 0)) / jnp.abs(value)
            return [q / jnp.sqrt(square) for q in h], value, residual, count + 1

        busy = lambda state: (state[2] > TOLERANCE) & (state[3] < MOST)
        return jax.lax.while_loop(busy, turn, (v, 0.0, jnp.inf, 0))

    keys = jax.random.split(jax.random.PRNGKey(0), 3)
    v = [jax.random.normal(k, a.shape, a.dtype) for k, a in zip(keys, w)]
    size = jnp.sqrt(dot(v, v))
    v, curve, products = [q / size for q in v], [], 0
    for step in range(0, STEPS + 1, EVERY):
        v, value, _, count = sharpness(w, v)
        curve.append(float(value))
        products += int(count)
        if step < STEPS:
            w = steps(w)
    print(json.dumps(dict(curve=curve, products=products, loss=float(loss(w)), seconds=time.perf_counter() - STARTED,
                          peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)))


def as_writer(digits, width, folder):
    """Samples and first weights, in files."""
    import numpy as np
    read = lambda name, head: np.frombuffer(gzip.open(os.path.join(digits, name)).read(), np.uint8, offset=head)
    x = read("images-idx3-ubyte.gz", 16).reshape(-1, 64)[:256].astype(np.float64)
    labels = read("labels-idx1-ubyte.gz", 8)[:256]
    x -= x.mean(0)
    x *= 8 / np.linalg.norm(x, axis=1, keepdims=True)
    np.save(os.path.join(folder, "x.npy"), x.astype(np.float32))
    np.save(os.path.join(folder, "y.npy"), np.eye(10, dtype=np.float32)[labels])
    draw = np.random.default_rng(0).standard_normal
    shapes = dict(W0=(64, width), W1=(width, width), W2=(width, 10))
    np.savez(os.path.join(folder, "w.npz"), **{name: draw(shape).astype(np.float32) for name, shape in shapes.items()})
    root = 2 ** 0.5
    dense = lambda out, std: f'{{ kind = "dense", out = {out}, W_std = {std!r}, param = "mup" }}'
    layers = [dense(width, root), '{ kind = "relu" }', dense(width, root), '{ kind = "relu" }', dense(10, 1.0)]
    with open(os.path.join(folder, "model.toml"), "w") as f:
        f.write("input = [64]\nlayers = [\n  %s,\n]\n" % ",\n  ".join(layers))


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--as-peer":
        return as_peer(sys.argv[2])
    if len(sys.argv) == 5 and sys.argv[1] == "--as-writer":
        return as_writer(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    import peers
    a = peers.arguments(__doc__, "", "requirements-jaxnew.txt", width=512)
    venv = os.path.join(a.work, "venv-jax")
    python = os.path.join(venv, "bin", "python")
    if not os.path.exists(os.path.join(venv, "done")):
        peers.run([sys.executable, "-m", "venv", venv])
        requirements = os.path.join(a.peers, "requirements-jaxnew.txt")
        peers.run([python, "-m", "pip", "install", "-q", "-r", requirements])
        open(os.path.join(venv, "done"), "w").close()
    env, folder, out = peers.settings(a.threads), os.path.join(a.work, "sharpness"), os.path.join(a.work, "out")
    os.makedirs(folder, exist_ok=True)
    digits = os.path.join(peers.ROOT, "ntk", "data", "digits")
    peers.run([python, os.path.abspath(__file__), "--as-writer", digits, str(a.width), folder])
    of = {name: os.path.join(folder, name) for name in ("model.toml", "w.npz", "x.npy", "y.npy")}
    line = [peers.binary(), "train", "--model", of["model.toml"], "--weights", of["w.npz"], "--x1", of["x.npy"], "--y",
            of["y.npy"], "--loss", "mse", "--lr", "1", "--steps", str(STEPS), "--every", str(EVERY), "--metrics",
            "loss,preconditioned-sharpness", "--sharpness-tolerance", str(TOLERANCE), "--dtype", "f32", "--threads",
            str(a.threads), "--memory", a.memory, "--no-report", "--format", "json", "--out", out]
    theirs, ours = [], []
    for _ in range(a.repeat):
        text = peers.run([python, os.path.abspath(__file__), "--as-peer", folder], env=env)
        theirs.append(json.loads(text.strip().splitlines()[-1]))
        shutil.rmtree(out, ignore_errors=True)
        start = time.perf_counter()
        peers.run(line)
        ours.append(time.perf_counter() - start)
    with open(os.path.join(out, "metrics.csv")) as f:
        head, *rows = [row.strip().split(",") for row in f]
    column = lambda name: [float(row[head.index(name)]) for row in rows]
    curve, products = column("preconditioned_sharpness"), int(sum(column("preconditioned_sharpness_products")))
    apart = max(abs(p - q) / q for p, q in zip(curve, theirs[0]["curve"]))
    table = peers.Table(a.out, "| width | JAX s | products | ours s | products | ratio | S(0), S(T): JAX | ours "
                        "| largest difference of the curves |", "|---|---|---|---|---|---|---|---|---|")
    jax_s, our_s = min(t["seconds"] for t in theirs), min(ours)
    ends = lambda c: f"{c[0]:.4f} {c[-1]:.4f}"
    table.add(f"| {a.width} | {jax_s:.2f} | {theirs[0]['products']} | {our_s:.2f} | {products} | {jax_s / our_s:.1f}x "
              f"| {ends(theirs[0]['curve'])} | {ends(curve)} | {apart:.1e} |")
    table.write()


if __name__ == "__main__":
    main()

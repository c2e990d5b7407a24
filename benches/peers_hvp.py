#!/usr/bin/env python3
"""Our Hessian-vector products and largest eigenvalues beside those of JAX: same inputs and weights, same run.

  python3 benches/peers_hvp.py --peers DIR [--cases H1,H3,H4] [--repeat 7] [--work target/peers] [--out FILE.md]

DIR holds the peers' harness, as for peers.py: peer_hvp.py (JAX on one case), make_cases.py, caselib.py. The first call
makes a virtual environment below --work with the versions of its requirements-jaxnew.txt.

Product: the median of repeated products once everything is compiled, recorded and in memory; for JAX that of a whole
`linearize` (gradient included, as its caller gets it) and, from its power iteration, of the linear part alone. Ours is the
part alone, the mean of --repeat products of one process; the least of three processes each.
Eigenvalue: from the start of a process to the largest eigenvalue with a relative residual below 1e-3, JAX by power
iteration on a compiled `linearize`, stopped at its own first such step; ours by `ntk sharpness`, files written.
"""
import json
import os
import resource
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
STARTED = time.perf_counter()


def as_peer(case, tolerance, most):
    """Power iteration with JAX until the residual is below the tolerance; runs in the peers' folder."""
    sys.path.insert(0, os.getcwd())
    import caselib
    import jax
    import jax.numpy as jnp
    import numpy as np
    import peer_hvp
    spec, arrays = caselib.load_case(case)
    x, y = jnp.asarray(arrays["X1"]), jnp.asarray(arrays["Y"])
    ps = [(jnp.asarray(arrays[f"W{l}"]), jnp.asarray(arrays[f"b{l}"]) if la["b_std"] is not None else None)
          for l, la in enumerate(caselib.param_layers(spec["layers"]))]
    leaves, tree = jax.tree_util.tree_flatten(ps)
    keys = jax.random.split(jax.random.PRNGKey(0), len(leaves))
    w = [jax.random.normal(k, q.shape, q.dtype) for k, q in zip(keys, leaves)]

    def loss(p):
        f = peer_hvp.forward(spec, p, x)
        if spec["loss"] == "ce":
            return -jnp.take_along_axis(jax.nn.log_softmax(f), y[:, None], 1).mean()
        return 0.5 * ((f - y) ** 2).sum() / f.shape[0]

    hvp = jax.jit(jax.linearize(jax.grad(loss), ps)[1])
    dot = lambda a, b: sum(jnp.vdot(p, q) for p, q in zip(a, b))

    @jax.jit
    def turn(h, w):
        value, square = dot(h, w), dot(h, h)
        return [q / jnp.sqrt(square) for q in h], value, jnp.sqrt(jnp.maximum(square - value * value, 0))

    size = jnp.sqrt(dot(w, w))
    w = [q / size for q in w]
    for step in range(1, most + 1):
        h = jax.tree_util.tree_leaves(hvp(jax.tree_util.tree_unflatten(tree, w)))
        w, value, residual = turn(h, w)
        if float(residual) <= tolerance * abs(float(value)):
            break
    print(json.dumps(dict(value=float(value), residual=float(residual), steps=step,
                          seconds=time.perf_counter() - STARTED,
                          peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)))


def main():
    if len(sys.argv) == 5 and sys.argv[1] == "--as-peer":
        return as_peer(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
    import peers
    a = peers.arguments(__doc__, "H1,H3,H4", "peer_hvp.py", processes=3)
    venv = os.path.join(a.work, "venv-jax")
    python = os.path.join(venv, "bin", "python")
    if not os.path.exists(os.path.join(venv, "done")):
        peers.run([sys.executable, "-m", "venv", venv])
        requirements = os.path.join(a.peers, "requirements-jaxnew.txt")
        peers.run([python, "-m", "pip", "install", "-q", "-r", requirements])
        open(os.path.join(venv, "done"), "w").close()
    env, out = peers.settings(a.threads), os.path.join(a.work, "out")

    def ours(command, *more):
        shutil.rmtree(out, ignore_errors=True)
        line = [peers.binary(), command, "--model", toml, "--weights", npz, "--x1", x1, "--y", y, "--loss", spec["loss"],
                "--dtype", "f32", "--threads", str(a.threads), "--memory", a.memory, "--no-report", "--format", "json", "--out", out]
        start = time.perf_counter()
        return json.loads(peers.run(line + list(more))), time.perf_counter() - start

    table = peers.Table(
        a.out, "| case | JAX gradient s | JAX whole s | JAX linear part s | ours s | GFLOP/s | linearize s | ratio | ours - JAX "
        "| JAX eigenvalue s (steps) | ours s (products) | ratio | values | JAX MB | ours MB |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name in a.cases.split(","):
        spec, toml, x1, npz = peers.prepare(a, python, name)
        y, v, saved = (os.path.join(a.work, "cases", name + end) for end in (".y.npy", ".v.npy", ".hv.npy"))
        code = ("import sys, numpy as np; a = np.load(sys.argv[1]); np.save(sys.argv[2], a['Y']); "
                "v = np.random.default_rng(12345).standard_normal(int(sys.argv[4])); v /= np.linalg.norm(v); "
                "np.save(sys.argv[3], np.tile(v.astype(np.float32), (int(sys.argv[5]), 1)))")
        peers.run([python, "-c", code, npz, y, v, str(spec["n_params"]), str(a.repeat)])
        theirs, warm, found, shell = [], [], [], []
        # Pairs: theirs, ours, theirs, ours, so that a drift of the machine meets both.
        for _ in range(a.processes):
            text = peers.run([python, "peer_hvp.py", "--case", npz, "--mode", "linearize", "--steps", "20", "--reps",
                              str(a.repeat), "--budget", "60", "--save", saved], cwd=a.peers, env=env)
            theirs.append(json.loads(text.strip().splitlines()[-1]))
            warm.append(ours("hvp", "--vector", v)[0])
            if len(warm) == 1:
                code = ("import sys, numpy as np; a, b = np.load(sys.argv[1])[0].astype(float), np.load(sys.argv[2]); "
                        "print(np.abs(a - b).max() / np.abs(b).max())")
                apart = float(peers.run([python, "-c", code, os.path.join(out, "hvp.npy"), saved]))
            text = peers.run([python, os.path.abspath(__file__), "--as-peer", npz, "1e-3", "2000"], cwd=a.peers, env=env)
            found.append(json.loads(text.strip().splitlines()[-1]))
            shell.append(ours("sharpness", "--tolerance", "1e-3"))
        whole = min(t["hvp_median_s"] for t in theirs)
        linear = min(t["power_s"] / t["steps"] for t in theirs)
        our = min(w["seconds"]["products"] for w in warm) / a.repeat
        gflop = theirs[0]["hvp_linear_gflop"]
        jax_s, our_s = peers.middle([f["seconds"] for f in found]), peers.middle([s[1] for s in shell])
        told = shell[0][0]["sharpness"]
        line = (f"| {name} | {min(t['grad_median_s'] for t in theirs):.4f} | {whole:.4f} | {linear:.4f} | {our:.4f} "
                f"| {gflop / our:.0f} | {min(w['seconds']['linearize'] for w in warm):.4f} | {linear / our:.2f}x "
                f"| {apart:.0e} | {jax_s:.2f} ({found[0]['steps']}) | {our_s:.2f} ({told['products']}) "
                f"| {jax_s / our_s:.1f}x | {found[0]['value']:.4f} {told['largest_eigenvalue']:.4f} "
                f"| {peers.middle([f['peak_mb'] for f in found]):.0f} | {shell[0][0]['memory']['peak_bytes'] / 2**20:.0f} |")
        table.add(line)
    table.write()


if __name__ == "__main__":
    main()

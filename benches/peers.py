#!/usr/bin/env python3
"""Our kernels beside those of neural-tangents: same inputs and weights, same run, one process after the other.

  python3 benches/peers.py --peers DIR [--cases N1,N2,..] [--repeat 7] [--work target/peers] [--out FILE.md]

DIR holds the peers' harness: peer_ntk.py (neural-tangents on one case), make_cases.py (inputs and weights),
caselib.py (formats and operation counts), peer_gemm.py (rates of matrix products). The first call makes a virtual
environment below --work with the versions of its requirements-nt.txt; later calls use it again.

Warm: the median of repeated computations within one process, input and weights in memory. From the shell: from the
start of a process to the kernel on disk; for neural-tangents import and first call (which compiles) are counted, not
the reading of its inputs. Shares are of the machine's peak in this run: the largest of a loop of fused multiply-adds
and of the 4096^3 products of faer, numpy and jax.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time

STRUCTURED = ("N1", "N2", "N3", "N6", "N7", "N8")
CONVOLUTIONS = ("N4", "N4b", "N5")
TRACED = {"N2", "N6", "N7"}
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def run(command, **kw):
    return subprocess.run(command, check=True, capture_output=True, text=True, **kw).stdout


def environment(a):
    """The virtual environment of the peers, made once; the Python in it."""
    venv = os.path.join(a.work, "venv")
    python = os.path.join(venv, "bin", "python")
    if not os.path.exists(os.path.join(venv, "done")):
        run([sys.executable, "-m", "venv", venv])
        run([python, "-m", "pip", "install", "-q", "-r", os.path.join(a.peers, "requirements-nt.txt")])
        run([python, "-m", "pip", "install", "-q", "--no-deps", "neural-tangents==0.6.5"])
        open(os.path.join(venv, "done"), "w").close()
    return python


def model_toml(spec):
    """A case's layers as our model file."""
    def layer(la):
        if la["kind"] == "residual":
            return '{ kind = "residual", layers = [ %s ] }' % ", ".join(map(layer, la["layers"]))
        keys = ", ".join(f"{k} = {json.dumps(v)}" for k, v in la.items() if k != "kind" and v is not None)
        return '{ kind = "%s"%s }' % (la["kind"], ", " + keys if keys else "")
    return "input = %s\nlayers = [\n  %s,\n]\n" % (json.dumps(spec["in_shape"]), ",\n  ".join(map(layer, spec["layers"])))


def prepare(a, python, name):
    """The case in our formats: model.toml, x1.npy; weights are read from the case itself."""
    cases = os.path.join(a.work, "cases")
    if not os.path.exists(os.path.join(cases, name + ".npz")):
        run([python, "make_cases.py", "--set", "bench", "--only", name, "--out", os.path.abspath(cases)], cwd=a.peers,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    with open(os.path.join(cases, "manifest.json")) as f:
        spec = json.load(f)["cases"][name]
    toml, x1 = (os.path.join(cases, name + end) for end in (".toml", ".x1.npy"))
    with open(toml, "w") as f:
        f.write(model_toml(spec))
    run([python, "-c", "import sys, numpy as np; np.save(sys.argv[2], np.load(sys.argv[1])['X1'])",
         os.path.join(cases, name + ".npz"), x1])
    return spec, toml, x1, os.path.join(cases, name + ".npz")


def ours(a, command, toml, x1, dtype, repeat, *more):
    """(result.json, seconds of the whole process, folder) of `ntk COMMAND` on a case"""
    out = os.path.join(a.work, "out")
    shutil.rmtree(out, ignore_errors=True)
    line = [binary(), command, "--model", toml, "--x1", x1, "--dtype", dtype, "--threads", str(a.threads), "--spectrum",
            "none", "--no-report", "--repeat", str(repeat), "--out", out, "--format", "json", "--memory", a.memory]
    start = time.perf_counter()
    text = run(line + list(more))
    return json.loads(text), time.perf_counter() - start, out


def binary():
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    return os.path.join(target, "release", "ntk")


def compare(python, ours_npy, theirs_npy):
    """max|ours - theirs| / max|theirs|"""
    code = ("import sys, numpy as np; a, b = (np.load(p).astype(np.float64) for p in sys.argv[1:3]); "
            "print(np.abs(a - b.reshape(a.shape)).max() / np.abs(b).max())")
    return float(run([python, "-c", code, ours_npy, theirs_npy]))


def peak(a, python, env):
    """GFLOP/s in f32: (largest, of what)."""
    own = json.loads(run(["cargo", "bench", "-q", "-p", "ntk-benches", "--bench", "peak", "--", str(a.threads)], cwd=ROOT))
    rates = {"multiply-add loop": own["f32"]["loop"], "faer": own["f32"]["product_4096"]}
    for lib in ("numpy", "jax"):
        text = run([python, "peer_gemm.py", "--lib", lib, "--dtype", "float32", "--threads", str(a.threads), "--n", "4096",
                    "--reps", "5"], cwd=a.peers, env=env)
        rates[lib] = json.loads(text.strip().splitlines()[-1])["best_gflops"]
    return rates


def arguments(doc, cases, needed, **more):
    """What was typed; our program is built and the harness looked for. `more` are flags with their defaults."""
    ap = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--peers", required=True)
    ap.add_argument("--cases", default=cases)
    ap.add_argument("--repeat", type=int, default=7)
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--memory", default="4GiB")
    ap.add_argument("--work", default=os.path.join(ROOT, "target", "peers"))
    ap.add_argument("--out", default="")
    for flag, default in more.items():
        ap.add_argument("--" + flag, type=type(default), default=default)
    a = ap.parse_args()
    if not os.path.exists(os.path.join(a.peers, needed)):
        sys.exit(f"{a.peers}: no {needed} there; give the folder of the peers' harness with --peers")
    a.work = os.path.abspath(a.work)
    os.makedirs(a.work, exist_ok=True)
    run(["cargo", "build", "--release", "-q", "-p", "ntk-cli"], cwd=ROOT)
    return a


def settings(threads):
    """The environment of the peers' processes: so many threads, and no choice of kernels made for them."""
    env = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    return {**env, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads), "JAX_PLATFORMS": "cpu",
            "PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "1"}


def middle(values):
    return sorted(values)[len(values) // 2]


class Table:
    """Lines that are printed as they come, and written in the end."""

    def __init__(self, out, *head):
        self.out, self.lines = out, []
        for line in head:
            self.add(line)

    def add(self, line):
        self.lines.append(line)
        print(line, flush=True)

    def write(self):
        if self.out:
            with open(self.out, "w") as f:
                f.write("\n".join(self.lines) + "\n")


def fastest(name):
    """Their fastest implementation: `benches/README.md` says how the others fare."""
    return "JACOBIAN_CONTRACTION" if name in CONVOLUTIONS else "STRUCTURED_DERIVATIVES"


def main():
    a = arguments(__doc__, ",".join(STRUCTURED + CONVOLUTIONS), "peer_ntk.py")
    python, env = environment(a), settings(a.threads)
    rates = peak(a, python, env)
    top = max(rates.values())
    table = Table(a.out, "f32 peak on %s threads: %s" % (
        a.threads, ", ".join(f"{k} {v:.0f} GFLOP/s" for k, v in rates.items())), "",
        "| case | kernel | NT warm s | ours warm s | ratio | of peak | NT shell s | ours shell s | ratio | NT MB | ours MB "
        "| ours - NT | f32 - f64 |", "|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name in a.cases.split(","):
        spec, toml, x1, npz = prepare(a, python, name)
        outputs = "trace" if name in TRACED else "full"
        saved = os.path.join(a.work, "nt.npy")
        kernel = lambda dtype, repeat: ours(a, "kernel", toml, x1, dtype, repeat, "--weights", npz, "--outputs", outputs)
        # Pairs: theirs, ours, theirs, ours, so that a drift of the machine meets both.
        theirs, warm, shell = [], [], []
        for _ in range(3):
            text = run([python, "peer_ntk.py", "--case", npz, "--impl", fastest(name), "--trace",
                        "traced" if outputs == "trace" else "full", "--vmap", "0", "--reps", str(a.repeat),
                        "--budget", "60", "--save", saved], cwd=a.peers, env=env)
            theirs.append(json.loads(text.strip().splitlines()[-1]))
            warm.append(kernel("f32", a.repeat)[0])
            shell.append(kernel("f32", 1))
        nt, our = middle([t["median_s"] for t in theirs]), middle([w["seconds"]["kernel"] for w in warm])
        nt_shell = middle([t["import_s"] + t["first_s"] for t in theirs])
        our_shell = middle([s[1] for s in shell])
        kernel32 = os.path.join(a.work, "k32.npy")
        shutil.copy(os.path.join(shell[-1][2], "kernel.npy"), kernel32)
        against = compare(python, kernel32, saved)
        double = kernel("f64", 1)[2]
        rounding = compare(python, kernel32, os.path.join(double, "kernel.npy"))
        gflop = theirs[0]["min_gflop"]
        line = (f"| {name} | {outputs} {warm[0]['kernel']['shape']} | {nt:.3f} | {our:.3f} | {nt / our:.1f}x "
                f"| {100 * gflop / our / top:.0f} % | {nt_shell:.2f} | {our_shell:.3f} | {nt_shell / our_shell:.1f}x "
                f"| {middle([t['peak_mb'] for t in theirs]):.0f} | {shell[-1][0]['memory']['peak_bytes'] / 2**20:.0f} "
                f"| {against:.0e} | {rounding:.0e} |")
        table.add(line)
    table.write()


if __name__ == "__main__":
    main()

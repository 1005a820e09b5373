"""The decoding of messages on inputs that are made up: by hypothesis here, guided by Atheris."""

from pathlib import Path
import shutil
import subprocess
import sys

from hypothesis import given, strategies as st
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
from fuzz import decode, ENCODINGS  # noqa: E402, I100

CORPUS = ROOT / 'test' / 'fuzz_corpus'
SECONDS = 15
MEMORY_MB = 1200

pytestmark = pytest.mark.faults


def test_the_corpus_has_every_encoding():
    """Each is decoded, so that fuzzing begins at what is used and not at what is refused."""
    kinds = {path.name: decode(path.read_bytes()) for path in CORPUS.iterdir()}
    refused = {name for name, kind in kinds.items() if kind == 'refused'}
    assert refused == {'raw_h264', 'raw_none', 'compressed_cut_jpeg', 'compressed_cut_png',
                       'compressed_png_with_a_chunk_of_2_gb',
                       'compressed_png_without_image'}
    assert {f'raw_{name}' for name in ENCODINGS if name} <= set(kinds)
    assert sum(path.stat().st_size for path in CORPUS.iterdir()) < 20_000


@given(st.sampled_from(sorted(CORPUS.iterdir())), st.data())
def test_changed_inputs(path, data):
    """A few bytes of a good input are others, or an end is missing: refused or decoded."""
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    decode(bytes(content[:data.draw(st.integers(0, len(content)))]))


@given(st.binary(max_size=200))
def test_any_input(content):
    decode(content)


def test_guided(tmp_path):
    """Some seconds of Atheris; hours are run by hand, see tools/fuzz.py."""
    pytest.importorskip('atheris', reason='atheris is not installed')
    shutil.copytree(CORPUS, tmp_path / 'corpus')
    run = subprocess.run(
        # The shell between: a process begins with the peak memory of the one that has started it,
        # which libFuzzer would take for the fuzzed code's.
        ['sh', '-c', '"$0" "$@"; exit $?', sys.executable, str(ROOT / 'tools' / 'fuzz.py'),
         'corpus', '-max_len=4096', f'-max_total_time={SECONDS}',
         f'-rss_limit_mb={MEMORY_MB}'],
        cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS + 60, errors='replace')
    assert run.returncode == 0, run.stderr[-3000:]
    assert not list(tmp_path.glob('crash-*')) + list(tmp_path.glob('oom-*'))
    print(run.stderr.strip().splitlines()[-1])
